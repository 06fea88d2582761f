package disclose

// An Author says who wrote an output.
type Author uint8

const (
	// AuthorAI is an AI system, and whatever nobody declared otherwise.
	AuthorAI Author = iota
	// AuthorHuman is a person, without an AI system: nothing is marked.
	AuthorHuman
	// AuthorReviewed is a person who read and sent what an AI system wrote: the
	// machine-readable marks stay, no notice is due. Source: the Commission's
	// guidelines on Article 50, point 30.
	AuthorReviewed
)

var authorNames = [...]string{"ai", "human", "human-reviewed"}

// String is the author's name in the Avow-Author header.
func (a Author) String() string {
	if int(a) < len(authorNames) {
		return authorNames[a]
	}
	return "unknown"
}

// ParseAuthor reads the value of Avow-Author.
func ParseAuthor(name string) (a Author, ok bool) {
	for i, n := range authorNames {
		if n == name {
			return Author(i), true
		}
	}
	return AuthorAI, false
}

// An Involvement is what part AI had in an output: a mode of
// draft-abaris-aicdh-01. The zero value stands for MachineGenerated.
type Involvement string

// The involvements.
const (
	MachineGenerated Involvement = "machine-generated" // no person in between
	AIOriginated     Involvement = "ai-originated"     // a person reviewed it
	AIModified       Involvement = "ai-modified"       // a person's work, edited
)
