package middleware

import (
	"encoding/json"
	"testing"

	"golang.org/x/text/language"

	"github.com/avowai/avow/disclose"
)

func TestVerifyAnswersInTheLanguageAskedFor(t *testing.T) {
	srv := serve(t, newAsked(t, nil).VerifyService)
	for _, c := range []struct {
		accept []string
		want   language.Tag
		field  string
	}{
		{nil, language.English, ""}, {[]string{"en-GB"}, language.English, ""}, {[]string{"uk"}, language.English, ""},
		{[]string{"de-AT,de;q=0.9"}, language.German, "de"}, {[]string{"th", "mt;q=0.5"}, language.MustParse("mt"), "mt"},
		{[]string{"de;q=abc"}, language.English, ""},
	} {
		var header []string
		for _, value := range c.accept {
			header = append(header, "Accept-Language", value)
		}
		a := ask(t, "POST", srv.URL+"/avow/v1/verify", `{"text":"Hello."}`, header...)
		wantStatus(t, a, 200)
		wantHeader(t, a, "Content-Language", c.want.String())
		wantHeader(t, a, "Vary", "Accept-Language|Accept, Authorization")
		var r disclose.Report
		if err := json.Unmarshal(a.body, &r); err != nil {
			t.Fatal(err)
		}
		if r.Language != c.field || r.Summary != disclose.SummaryText(c.want, disclose.CauseNothingFound) || r.Limits != disclose.LimitsText(c.want) {
			t.Errorf("%q: %+v", c.accept, r)
		}
	}
}
