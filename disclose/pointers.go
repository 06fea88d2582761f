package disclose

import (
	"errors"
	"fmt"
	"strings"

	"github.com/avowai/avow/internal/jsonscan"
)

// Pointers describe a shape that no driver knows: where the generated text and
// the images sit in an answer, or in the payload of each event of a stream. Use
// [NewPointers].
type Pointers struct {
	driver *driver
}

const (
	maxPointers = 32 // of one kind
	maxTokens   = 32 // of one pointer
)

// ErrPointer is returned for a pointer that cannot be used.
var ErrPointer = errors.New(`disclose: not a JSON pointer to a member ("/answer", "/pictures/*/data")`)

// NewPointers returns the shape whose texts and images, base64 or data URIs,
// are the strings at the given JSON pointers (RFC 6901). A token of "*" stands
// for every element of an array, or every member of an object.
func NewPointers(text, images []string) (*Pointers, error) {
	root := &pointerNode{}
	if len(text)+len(images) == 0 {
		return nil, fmt.Errorf("%w: a shape needs a pointer to a text or to an image", ErrPointer)
	}
	if len(text) > maxPointers || len(images) > maxPointers {
		return nil, fmt.Errorf("%w: more than %d", ErrPointer, maxPointers)
	}
	for i, p := range text {
		if err := root.add(p, pointerLeaf{text: true, number: i}); err != nil {
			return nil, err
		}
	}
	for i, p := range images {
		if err := root.add(p, pointerLeaf{number: i}); err != nil {
			return nil, err
		}
	}
	var late [][]byte
	if len(images) > 0 {
		late = lateness("")
	}
	return &Pointers{&driver{
		shape: ShapeCustom, pieces: true, visible: len(text) > 0, pictures: len(text) == 0, images: len(images) > 0, late: late,
		member: func(s *jsonscan.Scanner, key []byte, f *found) error { return root.member(s, key, f) },
		ask:    customShape.ask,
	}}, nil
}

// customShape stands for a shape described by pointers where they do not
// matter. Its requests are read like a chat's, in case they have messages.
var customShape = driver{
	shape:   ShapeCustom,
	visible: true,
	ask: func(s *jsonscan.Scanner, key []byte, a *asked) error {
		switch {
		case jsonscan.Is(key, "model"):
			return readString(s, &a.model)
		case jsonscan.Is(key, "messages"):
			return readHistory(s, a)
		}
		return nil
	},
}

// A pointerNode is one step of the pointers that begin alike.
type pointerNode struct {
	names    []string
	children []*pointerNode
	any      *pointerNode // "*"
	leaf     *pointerLeaf
}

type pointerLeaf struct {
	text   bool
	number int // of the pointer, in the order given
}

var unescapePointer = strings.NewReplacer("~1", "/", "~0", "~")

func (n *pointerNode) add(pointer string, leaf pointerLeaf) error {
	if !strings.HasPrefix(pointer, "/") || pointer == "/*" {
		return fmt.Errorf("%w: %q", ErrPointer, pointer)
	}
	tokens := strings.Split(pointer[1:], "/")
	if len(tokens) > maxTokens {
		return fmt.Errorf("%w: %q has more than %d steps", ErrPointer, pointer, maxTokens)
	}
	for _, t := range tokens {
		n = n.step(t)
	}
	if n.leaf != nil {
		return fmt.Errorf("%w: %q is there twice", ErrPointer, pointer)
	}
	n.leaf = &leaf
	return nil
}

// step returns the node behind a token, which it makes where it has to.
func (n *pointerNode) step(token string) *pointerNode {
	if token == "*" {
		if n.any == nil {
			n.any = &pointerNode{}
		}
		return n.any
	}
	name := unescapePointer.Replace(token)
	for i, have := range n.names {
		if have == name {
			return n.children[i]
		}
	}
	child := &pointerNode{}
	n.names, n.children = append(n.names, name), append(n.children, child)
	return child
}

// child returns the node of a member, or nil.
func (n *pointerNode) child(key []byte) *pointerNode {
	for i, name := range n.names {
		if jsonscan.Is(key, name) {
			return n.children[i]
		}
	}
	return n.any
}

func (n *pointerNode) member(s *jsonscan.Scanner, key []byte, f *found) error {
	child := n.child(key)
	if child == nil {
		return nil
	}
	return child.value(s, f)
}

// value reads the value that a node stands for.
func (n *pointerNode) value(s *jsonscan.Scanner, f *found) error {
	switch s.Kind() {
	case jsonscan.String:
		return n.read(s, f)
	case jsonscan.Object:
		f.known = f.known || n.leaf == nil
		return s.Object(func(key jsonscan.Span) error { return n.member(s, key.Of(s.Data()), f) })
	case jsonscan.Array:
		return s.Array(func(i int) error { return n.member(s, fmt.Append(nil, i), f) })
	}
	return nil
}

func (n *pointerNode) read(s *jsonscan.Scanner, f *found) error {
	if n.leaf == nil {
		return nil
	}
	f.known = true
	span, err := s.String()
	switch {
	case err != nil:
		return err
	case n.leaf.text:
		f.text(0, part{a: n.leaf.number}, span, false)
	case hasPrefix(span.Of(s.Data()), "http://"), hasPrefix(span.Of(s.Data()), "https://"):
		f.imageURL(s.Data(), span)
	default:
		f.image(span)
	}
	return nil
}
