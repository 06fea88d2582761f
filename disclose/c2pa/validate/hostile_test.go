package validate

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"

	"github.com/avowai/avow/disclose/c2pa/container"
	"github.com/avowai/avow/internal/jumbf"
)

// hostileMemory is what one validation may hold at a time, in bytes, with what
// the collector has not taken yet.
const hostileMemory = 64 << 20

// bomb is n zeros, packed, where a manifest should be.
func bomb(n int) jumbf.Box {
	var buf bytes.Buffer
	w := brotli.NewWriterLevel(&buf, 5)
	zeros := make([]byte, 1<<20)
	for n > 0 {
		if _, err := w.Write(zeros[:min(n, len(zeros))]); err != nil {
			panic(err)
		}
		n -= len(zeros)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return super("c2cm", testLabel, jumbf.Box{Type: "brob", Data: buf.Bytes()})
}

// nested is CBOR of arrays in arrays.
func nested(n int) []byte { return append(bytes.Repeat([]byte{0x81}, n), 0) }

// huge is a CBOR array that claims n elements.
func huge(n uint32) []byte { return binary.BigEndian.AppendUint32([]byte{0x9A}, n) }

// ring is two manifests that are each other's ingredient. Their hashes cannot
// match; whoever follows before he compares never ends.
func ring(f *forge) {
	other := "urn:c2pa:7a9a1c52-6d0e-4c7b-9a55-0c1d2e3f4a5b"
	to := func(label string) part {
		return part{label: "c2pa.ingredient.v3", content: map[string]any{
			"relationship": "componentOf", "activeManifest": map[string]any{"url": "self#jumbf=/c2pa/" + label, "hash": make([]byte, 32)},
			"validationResults": map[string]any{},
		}}
	}
	g := newForge()
	g.label, g.assertions = other, append(g.assertions, to(testLabel))
	root, err := jumbf.Parse(g.build(make([]byte, 32), nil))
	if err != nil {
		panic(err)
	}
	f.prior = root.Children
	f.assertions = append(f.assertions, to(other))
}

// ladder is n manifests, each with two ingredients that are the one before: 2^n
// ways from the first to the last.
func ladder(n int) func(*forge) {
	return func(f *forge) {
		var before []jumbf.Box
		for i := range n {
			g := newForge()
			if i == n-1 {
				g = f
			}
			if i > 0 {
				last := before[len(before)-1]
				sum := sha256.Sum256(last.Append(nil)[8:])
				for _, suffix := range []string{"", "__1"} {
					g.assertions = append(g.assertions, part{label: "c2pa.ingredient.v3" + suffix, content: map[string]any{
						"relationship": "componentOf", "validationResults": map[string]any{},
						"activeManifest": map[string]any{"url": "self#jumbf=/c2pa/" + last.Label, "hash": sum[:]},
					}})
				}
			}
			if i == n-1 {
				f.prior = before
				return
			}
			g.label = fmt.Sprintf("urn:c2pa:00000000-0000-4000-8000-%012d", i)
			root, err := jumbf.Parse(g.build(make([]byte, 32), nil))
			if err != nil {
				panic(err)
			}
			before = append(before, root.Children...)
		}
	}
}

// manyRefs refers again and again to one large assertion.
func manyRefs(f *forge) {
	big := part{label: "com.example.big", content: make([]byte, 4<<20)}
	f.assertions = append(f.assertions, big)
	ref := hashedBox("self#jumbf=c2pa.assertions/com.example.big", super("cbor", big.label, jumbf.Box{Type: "cbor", Data: big.content.([]byte)}))
	made := slices.Repeat([]any{ref}, maxRefs)
	f.claim = map[string]any{"created_assertions": made}
	f.assertions = append(f.assertions, part{label: "c2pa.actions.v2__1", content: actionsOf(map[string]any{
		"action": "c2pa.placed", "parameters": map[string]any{"ingredients": slices.Repeat([]any{ref}, 8000)}})})
}

// built is a store over content that is not there.
func built(change func(*forge)) []byte {
	f := newForge()
	change(f)
	return f.build(make([]byte, 32), nil)
}

// hostileStores are stores by name that should break a reader.
func hostileStores() map[string][]byte {
	all := hostileBoxes()
	maps.Copy(all, hostileClaims())
	return all
}

// hostileBoxes are broken before there is anything to believe.
func hostileBoxes() map[string][]byte {
	claimed := func(claim []byte) []byte {
		return built(func(f *forge) { f.manifest = func(m *jumbf.Box) { m.Children[1].Children[0].Data = claim } })
	}
	deep := super("c2ma", testLabel)
	for range 200 {
		deep = super("c2ma", testLabel, deep)
	}
	deepStore, good := super("c2pa", "c2pa", deep), built(func(*forge) {})
	long := bytes.Clone(good)
	binary.BigEndian.PutUint32(long, 1<<31)
	bombs := super("c2pa", "c2pa", bomb(64<<20))
	many := super("c2pa", "c2pa", slices.Repeat([]jumbf.Box{bomb(1 << 20)}, 64)...)
	return map[string][]byte{
		"nested boxes": deepStore.Append(nil), "length of 2 GiB": long, "empty store": []byte("\x00\x00\x00\x08jumb"),
		"truncated": good[:len(good)/2], "bytes behind": append(bytes.Clone(good), 1),
		"Brotli bomb": bombs.Append(nil), "64 Brotli bombs": many.Append(nil),
		"nested CBOR": claimed(nested(5000)), "array of 4 Gi": claimed(huge(1<<32 - 1)), "truncated claim": claimed([]byte{0xA2, 0x63, 'a'}),
		"bytes behind the claim": claimed([]byte{0xA0, 0xA0}), "key twice": claimed([]byte("\xA2\x63alg\x61a\x63alg\x61b")),
		"no map as claim": claimed([]byte{0x01}), "indefinite text": claimed([]byte{0x7F, 0x61, 'a'}),
	}
}

// hostileClaims are well-formed as far as boxes go, and signed.
func hostileClaims() map[string][]byte {
	return map[string][]byte{
		"nested CBOR in actions": built(func(f *forge) { f.assertions = []part{{label: "c2pa.actions.v2", content: nested(5000)}} }),
		"huge array in actions":  built(func(f *forge) { f.assertions = []part{{label: "c2pa.actions.v2", content: huge(1 << 31)}} }),
		"6,000 actions": built(func(f *forge) {
			f.assertions = []part{{label: "c2pa.actions.v2", content: actionsOf(slices.Repeat([]any{created()}, 6000)...)}}
		}),
		"ring": built(ring), "ladder": built(ladder(40)), "many references": built(manyRefs),
		"4,000 assertions": built(func(f *forge) {
			for i := range 4000 {
				f.assertions = append(f.assertions, part{label: fmt.Sprintf("com.example.x__%d", i), content: i})
			}
		}),
		"a million empty records": built(func(f *forge) {
			codes := map[string]any{"success": slices.Repeat([]any{map[string]any{}}, 16000), "informational": []any{}, "failure": []any{}}
			f.assertions = append(f.assertions, part{label: "c2pa.ingredient.v3", content: map[string]any{
				"relationship": "componentOf", "activeManifest": map[string]any{"url": "self#jumbf=/c2pa/" + testLabel, "hash": make([]byte, 32)},
				"validationResults": map[string]any{"ingredientDeltas": slices.Repeat([]any{map[string]any{"validationDeltas": codes}}, 60)},
			}})
		}),
		"16 MiB of empty records": built(func(f *forge) {
			codes := map[string]any{"success": slices.Repeat([]any{map[string]any{}}, 16000), "informational": []any{}, "failure": []any{}}
			record := encode(map[string]any{"relationship": "componentOf", "validationResults": map[string]any{
				"ingredientDeltas": slices.Repeat([]any{map[string]any{"validationDeltas": codes}}, 60)}})
			for i := range 15 {
				f.assertions = append(f.assertions, part{label: fmt.Sprintf("c2pa.ingredient.v3__%d", i+1), content: record})
			}
		}),
		"a million empty references": built(func(f *forge) {
			refs := slices.Repeat([]any{map[string]any{}}, 16000)
			f.assertions = []part{{label: "c2pa.actions.v2", content: actionsOf(slices.Repeat([]any{map[string]any{"action": "c2pa.placed", "parameters": map[string]any{"ingredients": refs}}}, 60)...)}}
		}),
		"4,000 hard bindings": built(func(f *forge) {
			for i := range 4000 {
				f.assertions = append(f.assertions, part{label: fmt.Sprintf("c2pa.hash.data__%d", i+1), content: map[string]any{"alg": "sha256"}})
			}
		}),
		"2,000 ingredients": built(func(f *forge) {
			for i := range 2000 {
				f.assertions = append(f.assertions, part{label: fmt.Sprintf("c2pa.ingredient.v3__%d", i+1), content: map[string]any{"relationship": "componentOf",
					"activeManifest": map[string]any{"url": "self#jumbf=/c2pa/" + testLabel, "hash": make([]byte, 32)}}})
			}
		}),
		"long label": built(func(f *forge) { f.label = "urn:c2pa:" + strings.Repeat("x", 1<<20) }),
		"600 manifests": built(func(f *forge) {
			f.stores = func(all []jumbf.Box) []jumbf.Box { return slices.Repeat(all, 600) }
		}),
	}
}

// TestHostileStores feeds what should break a reader: each is refused, soon and
// with little memory.
func TestHostileStores(t *testing.T) {
	for name, store := range hostileStores() {
		t.Run(name, func(t *testing.T) {
			peak := watch(t)
			begin := time.Now()
			r, err := Detached(t.Context(), store, []byte("content"), Options{Roots: pool()})
			used := peak()
			if err != nil {
				t.Fatal(err)
			}
			if r.State != Invalid || len(failures(r)) == 0 {
				t.Fatalf("state %v, failures %v, want Invalid", r.State, failures(r))
			}
			t.Logf("%d bytes of store, at most %.1f MiB, %v, %v", len(store), float64(used)/(1<<20), time.Since(begin), failures(r)[0])
			if used > hostileMemory {
				t.Fatalf("held %d bytes, want at most %d", used, hostileMemory)
			}
		})
	}
}

// watch samples the heap until the function it returns is called, which says how
// much it grew at most.
func watch(t testing.TB) func() uint64 {
	runtime.GC()
	old := debug.SetGCPercent(20)
	t.Cleanup(func() { debug.SetGCPercent(old) })
	heap := func() uint64 {
		s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	start, stop, most := heap(), make(chan struct{}), make(chan uint64)
	go func() {
		var top uint64
		for {
			top = max(top, heap())
			select {
			case <-stop:
				most <- max(top, heap())
				return
			default:
				runtime.Gosched()
			}
		}
	}()
	return func() uint64 {
		close(stop)
		return max(<-most, start) - start
	}
}

func TestTooLargeIsAnError(t *testing.T) {
	store := newForge().build(make([]byte, 32), nil)
	if _, err := Detached(t.Context(), store, nil, Options{MaxStore: 100}); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("error = %v, want ErrTooLarge", err)
	}
}

// FuzzStore must not panic, hang, or find a random store Valid.
func FuzzStore(f *testing.F) {
	for _, store := range hostileStores() {
		if len(store) < 64<<10 {
			f.Add(store)
		}
	}
	f.Add(newForge().build(make([]byte, 32), nil))
	f.Fuzz(func(t *testing.T, store []byte) {
		r, err := Detached(t.Context(), store, []byte("content"), Options{Roots: pool()})
		if err == nil && r.State >= Valid {
			t.Fatalf("a store over no such content is %v", r.State)
		}
	})
}

// FuzzAsset does the same with whole files.
func FuzzAsset(f *testing.F) {
	s := newStudio(f, true)
	for _, file := range sources(f) {
		f.Add(s.sign(f, file, testManifest()))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := Asset(t.Context(), file, s.o)
		if err != nil {
			return
		}
		if found, err := container.Find(file); r.State >= Valid && (err != nil || found.Stores != 1) {
			t.Fatalf("%v with %d stores: %v", r.State, found.Stores, err)
		}
	})
}
