package main

import (
	"bytes"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
)

var files = []string{"rates.json", "list.json", "policy.json"}

func tables(t *testing.T) *Tables {
	t.Helper()
	tables, err := readTables(files)
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

func TestRoundingIsHalfEven(t *testing.T) {
	for _, c := range []struct {
		value  string
		digits int
		want   string
	}{
		{"0", 2, "0.00"}, {"0.005", 2, "0.00"}, {"0.015", 2, "0.02"}, {"0.025", 2, "0.02"}, {"0.0250000001", 2, "0.03"}, {"1/3", 2, "0.33"},
		{"2/3", 2, "0.67"}, {"99.995", 2, "100.00"}, {"99.985", 2, "99.98"}, {"0.5", 0, "0"}, {"1.5", 0, "2"}, {"2.5", 0, "2"}, {"7.1", 3, "7.100"},
		{"999999999999999999.994", 2, "999999999999999999.99"},
	} {
		value, _ := new(big.Rat).SetString(c.value)
		if got := roundHalfEven(value, c.digits); got != c.want {
			t.Errorf("%s to %d places is %s, not %s", c.value, c.digits, got, c.want)
		}
	}
}

func TestDecimalsAreExact(t *testing.T) {
	for _, text := range []string{"", "1,5", "1.", ".5", "01", "-1", "+1", "1e3", "1.234", "NaN", " 1", "1 ", "0x1", "1234567890123456789"} {
		if _, ok := parseDecimal(text, 2); ok {
			t.Errorf("%q is taken", text)
		}
	}
	for _, text := range []string{"0", "1", "10.5", "123456789012345678.99"} {
		if _, ok := parseDecimal(text, 2); !ok {
			t.Errorf("%q is refused", text)
		}
	}
}

// Worked out by hand: 100 USD / 1.0842 = 92.2339… EUR; 1 KWD is 1 / 0.33412 EUR; 10 000 JPY / 163.45 * 0.8431 GBP.
func TestConversion(t *testing.T) {
	rates := &tables(t).Rates
	for _, c := range []struct{ value, from, to, want string }{
		{"100", "USD", "EUR", "92.23"}, {"100", "EUR", "USD", "108.42"}, {"1", "KWD", "EUR", "2.99"}, {"10000", "JPY", "GBP", "51.58"},
		{"1", "EUR", "JPY", "163"}, {"0.01", "EUR", "KWD", "0.003"}, {"12.34", "EUR", "EUR", "12.34"},
	} {
		value, _ := parseDecimal(c.value, 3)
		exact, ok := rates.convert(value, c.from, c.to)
		if got := roundHalfEven(exact, rates.places(c.to)); !ok || got != c.want {
			t.Errorf("%s %s is %s %s, not %s", c.value, c.from, got, c.to, c.want)
		}
	}
	if _, ok := rates.convert(big.NewRat(1, 1), "XXX", "EUR"); ok {
		t.Error("a currency without a rate is converted")
	}
}

// There and back is the same number: nothing is rounded on the way.
func TestConversionLosesNothing(t *testing.T) {
	rates := &tables(t).Rates
	value := big.NewRat(1234567, 100)
	there, _ := rates.convert(value, "SEK", "KWD")
	if back, _ := rates.convert(there, "KWD", "SEK"); back.Cmp(value) != 0 {
		t.Errorf("%s came back as %s", value, back)
	}
}

func TestNames(t *testing.T) {
	threshold := tables(t).Policy.Threshold
	for _, c := range []struct {
		one, other string
		alike      bool
	}{
		{"Viktor Andreyevich Sokolenko", "Sokolenko, Viktor A.", true}, {"Виктор Соколенко", "Viktor Sokolenko", true}, {"SOKOLENKO Wiktor", "Viktor Sokolenko", true},
		{"Viktor Sokolenkо", "Viktor Sokolenko", true}, // the last letter is Cyrillic
		{"Dr. Jurgen Muller-Thiessen", "Jürgen Müller-Thießen", true}, {"Juergen Mueller Thiessen", "Jürgen Müller-Thießen", true},
		{"Yousuf Kharqani", "Yusuf al-Kharqani", true}, {"Jusuf al Charkani", "Yusuf al-Kharqani", true}, {"Nguyen Van Khai", "Nguyễn Văn Khải", true},
		{"Nguye\u0302\u0303n Va\u0306n Kha\u0309i", "Nguyễn Văn Khải", true}, // marks by themselves
		{"Lukasz Wisniewski", "Łukasz Wiśniewski", true}, {"Lukasz Winsiewski", "Łukasz Wiśniewski", true}, {"Georgios Papadopoulos", "Γεώργιος Παπαδόπουλος", true}, {"ΓΕΩΡΓΙΟΣ ΠΑΠΑΔΟΠΟΥΛΟΣ", "Γεώργιος Παπαδόπουλος", true},
		{"Northern Meridian Shipping", "Northern Meridian Shipping Ltd", true},
		{"Sergej Schukow", "Sergey Shukov", true}, {"Anton Tschernow", "Anton Chernov", true}, {"Dschamal Saidow", "Jamal Saidov", true},
		{"Vik\u200btor Soko\u00adlenko", "Viktor Sokolenko", true}, // what no reader sees
		{"M. I. Fernandez Ochoa", "Maria Isabel Fernández Ochoa", true},
		{"Viktor Sokolov", "Viktor Sokolenko", false}, {"Sokolenko", "Viktor Sokolenko", false}, {"Viktoria Sommer", "Viktor Sokolenko", false},
		{"Jürgen Müller", "Jürgen Müller-Thießen", false}, {"Thomas Müller", "Jürgen Müller-Thießen", false}, {"Nguyen Van An", "Nguyễn Văn Khải", false},
		{"Lukas Wismar", "Łukasz Wiśniewski", false}, {"Northern Lights Shipping Ltd", "Northern Meridian Shipping Ltd", false},
		{"Maria Fernandes", "Maria Isabel Fernández Ochoa", false}, {"Margarethe Vogel", "Yusuf al-Kharqani", false},
	} {
		score, back := Score(fold(c.one), fold(c.other)), Score(fold(c.other), fold(c.one))
		if (score >= threshold) != c.alike || score != back {
			t.Errorf("%s and %s score %d, the other way round %d", c.one, c.other, score, back)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		one, other string
		want       int
	}{{"", "", 0}, {"a", "", 1}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3}} {
		if got := distance(c.one, c.other); got != c.want {
			t.Errorf("%q and %q are %d apart, not %d", c.one, c.other, got, c.want)
		}
	}
}

func payment() *Payment {
	return &Payment{ID: "P-1", Date: "2026-01-15", Amount: Amount{"100.00", "EUR"}, Parties: []Party{{Role: "payee", Name: "Margarethe Vogel", Born: "1961-05-03", Country: "DE"}}}
}

func rules(d *Decision) string {
	var all []string
	for _, reason := range d.Reasons {
		all = append(all, reason.Rule)
	}
	return strings.Join(all, " ")
}

func TestRules(t *testing.T) {
	for _, c := range []struct {
		name            string
		change          func(p *Payment)
		decision, rules string
	}{
		{"nothing", func(p *Payment) {}, clearIt, ""},
		{"the limit", func(p *Payment) { p.Amount.Value = "10000.00" }, clearIt, ""},
		{"over the limit by a cent", func(p *Payment) { p.Amount.Value = "10000.01" }, reviewIt, "R-AMT-1"},
		{"over the limit before rounding", func(p *Payment) { p.Amount = Amount{"1634501", "JPY"} }, reviewIt, "R-AMT-1"},
		{"no rate", func(p *Payment) { p.Amount.Currency = "NOK" }, reviewIt, "R-CUR-1"},
		{"old rates", func(p *Payment) { p.Date = "2026-01-22" }, reviewIt, "R-RATE-1"},
		{"rates of the last day", func(p *Payment) { p.Date = "2026-01-21" }, clearIt, ""},
		{"rates of tomorrow", func(p *Payment) { p.Date = "2026-01-13" }, reviewIt, "R-RATE-1"},
		{"embargo", func(p *Payment) { p.Parties[0].Country = "XK" }, blockIt, "R-CTRY-1"},
		{"name and birth", func(p *Payment) { p.Parties[0].Name = "Wiktor Sokolenko" }, blockIt, "R-NAME-1"},
		{"name and the year after", func(p *Payment) { p.Parties[0] = Party{Role: "payee", Name: "Victor Sokolenko", Born: "1962-01-01"} }, blockIt, "R-NAME-1"},
		{"name alone", func(p *Payment) { p.Parties[0] = Party{Role: "payee", Name: "Victor Sokolenko"} }, reviewIt, "R-NAME-2"},
		{"same name, other birth", func(p *Payment) { p.Parties[0] = Party{Role: "payee", Name: "Victor Sokolenko", Born: "1990-01-01"} }, reviewIt, "R-NAME-2"},
		{"like name, other birth", func(p *Payment) { p.Parties[0] = Party{Role: "payee", Name: "Viktor Sokolenka", Born: "1990-01-01"} }, clearIt, "R-NAME-3"},
		{"no letters", func(p *Payment) { p.Parties[0].Name = "…" }, reviewIt, "R-NAME-0"},
		{"letters of another alphabet", func(p *Payment) { p.Parties[0].Name = "يوسف الخرقاني" }, reviewIt, "R-NAME-0"},
		{"letters of no alphabet", func(p *Payment) { p.Parties[0].Name = "Ｖｉｋｔｏｒ Ｓｏｋｏｌｅｎｋｏ" }, reviewIt, "R-NAME-0"},
		{"more words than are compared", func(p *Payment) { p.Parties[0].Name = "Viktor Sokolenko" + strings.Repeat(" x", wordsMax-1) }, reviewIt, "R-NAME-0"},
		{"the second party", func(p *Payment) {
			p.Parties = append(p.Parties, Party{Role: "bank", Name: "Northern Meridian Shipping"})
		}, reviewIt, "R-NAME-2"},
	} {
		p := payment()
		c.change(p)
		d, err := tables(t).Check(p)
		if err != nil || d.Decision != c.decision || rules(d) != c.rules {
			t.Errorf("%s: %v, %+v", c.name, err, d)
		}
	}
}

func TestMalformedPayments(t *testing.T) {
	for name, change := range map[string]func(p *Payment){
		"no id": func(p *Payment) { p.ID = "" }, "long id": func(p *Payment) { p.ID = strings.Repeat("x", textMax+1) }, "date": func(p *Payment) { p.Date = "2026-02-30" },
		"negative": func(p *Payment) { p.Amount.Value = "-1.00" }, "places": func(p *Payment) { p.Amount.Value = "1.001" }, "yen": func(p *Payment) { p.Amount = Amount{"1.5", "JPY"} },
		"currency": func(p *Payment) { p.Amount.Currency = "eur" }, "nobody": func(p *Payment) { p.Parties = nil }, "many": func(p *Payment) { p.Parties = make([]Party, partiesMax+1) },
		"no name": func(p *Payment) { p.Parties[0].Name = "" }, "born": func(p *Payment) { p.Parties[0].Born = "1961" }, "country": func(p *Payment) { p.Parties[0].Country = "Germany" },
		"no role": func(p *Payment) { p.Parties[0].Role = "" }, "not text": func(p *Payment) { p.Parties[0].Name = "\xff" }, "was not text": func(p *Payment) { p.Parties[0].Name = "Soko\ufffdlenko" },
	} {
		p := payment()
		change(p)
		if d, err := tables(t).Check(p); err != errForm {
			t.Errorf("%s is taken: %+v", name, d)
		}
	}
}

func TestMalformedInput(t *testing.T) {
	good, _ := json.Marshal(payment())
	for _, c := range []struct {
		input string
		want  error
	}{
		{"", errForm}, {"[]", errForm}, {"null {}", errForm}, {string(good) + "{}", errForm}, {strings.Replace(string(good), `"id"`, `"extra":1,"id"`, 1), errForm},
		{string(good[:len(good)-1]), errForm}, {strings.Repeat(" ", inputMax+1), errLarge}, {strings.Replace(string(good), `"100.00"`, `100.00`, 1), errForm},
		{strings.Repeat("[", 100000), errForm}, {string(good), nil},
		{strings.Replace(string(good), `"name"`, `"name":"Viktor Sokolenko","name"`, 1), errForm}, {strings.Replace(string(good), `"name"`, `"NAME":"Viktor Sokolenko","name"`, 1), errForm},
		{strings.Replace(string(good), `"id"`, `"parties":[{"role":"x","name":"Viktor Sokolenko"}],"id"`, 1), errForm},
		{strings.Replace(string(good), "Vogel", "Vo\xffgel", 1), errForm}, {strings.Replace(string(good), "Vogel", `Vo\ud800gel`, 1), errForm},
	} {
		if err := run(files, strings.NewReader(c.input), new(bytes.Buffer)); err != c.want {
			t.Errorf("%.40q gives %v", c.input, err)
		}
	}
}

func TestTablesAreChecked(t *testing.T) {
	if err := run([]string{"rates.json", "list.json", "none.json"}, strings.NewReader("{}"), new(bytes.Buffer)); err != errTables {
		t.Error("a missing table is not noticed")
	}
	for name, change := range map[string]func(t *Tables){
		"a rate of nothing": func(t *Tables) { t.Rates.Rates["USD"] = "0" }, "a rate that is none": func(t *Tables) { t.Rates.Rates["USD"] = "x" },
		"a rate of the base": func(t *Tables) { t.Rates.Rates["EUR"] = "2" }, "an entry without letters": func(t *Tables) { t.List[0].Aliases = []string{"-"} },
		"an entry of other letters": func(t *Tables) { t.List[0].Aliases = []string{"يوسف"} }, "no limit": func(t *Tables) { t.Policy.ReviewOver = "" }, "a policy in another currency": func(t *Tables) { t.Policy.Currency = "NOK" }, "no threshold": func(t *Tables) { t.Policy.Threshold = 0 },
	} {
		changed := tables(t)
		change(changed)
		if changed.prepare() == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func FuzzCheck(f *testing.F) {
	good, _ := json.Marshal(payment())
	f.Add(good)
	f.Add([]byte(`{"id":"a","date":"2026-01-15","amount":{"value":"1","currency":"USD"},"parties":[{"role":"x","name":"Соколенко В."}]}`))
	f.Fuzz(func(t *testing.T, input []byte) {
		var once, twice bytes.Buffer
		if run(files, bytes.NewReader(input), &once) == nil && (run(files, bytes.NewReader(input), &twice) != nil || !bytes.Equal(once.Bytes(), twice.Bytes())) {
			t.Error("two answers")
		}
	})
}
