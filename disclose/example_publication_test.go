package disclose_test

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/text/language"

	"github.com/avowai/avow/disclose"
)

func ExamplePublication() {
	text := "The council votes on Monday."
	review, err := disclose.Review{
		Reviewer: "news desk", Responsible: "editor in chief", Contact: "desk@news.example", FactsChecked: true,
	}.SignOff([]byte(text), time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	if err != nil {
		fmt.Println(err)
		return
	}
	p := disclose.Publication{PublicInterest: true, Review: &review}
	_, duty := p.Publish(text, language.German)
	fmt.Println("as signed off:", duty)

	edited := strings.Replace(text, "Monday", "Tuesday", 1)
	labelled, duty := p.Publish(edited, language.German)
	fmt.Println("after an edit:", duty)
	fmt.Println(labelled)
	// Output:
	// as signed off: none
	// after an edit: full
	// AI – KI-generiert
	//
	// The council votes on Tuesday.
}
