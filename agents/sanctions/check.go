package main

import (
	"fmt"
	"math/big"
	"regexp"
	"sort"
	"strings"
	"time"
	"unicode/utf8"
)

// A Payment is what is to be decided: money of a claim or a transfer, and everybody who has a part in it.
type Payment struct {
	ID      string  `json:"id"`
	Date    string  `json:"date"`
	Amount  Amount  `json:"amount"`
	Parties []Party `json:"parties"`
}

// An Amount has its value as text: a number of JSON is not exact.
type Amount struct {
	Value    string `json:"value"`
	Currency string `json:"currency"`
}

// A Party is a person or an organisation.
type Party struct {
	Role    string `json:"role"`
	Name    string `json:"name"`
	Born    string `json:"born,omitempty"`
	Country string `json:"country,omitempty"`
}

// An Entry is who is listed, with every other name that is known.
type Entry struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Aliases []string `json:"aliases"`
	Born    []string `json:"born"` // days or years
	Program string   `json:"program"`
	names   []Name
}

// A Policy is what the one who built the image decided.
type Policy struct {
	Currency   string   `json:"currency"`    // amounts are compared in
	ReviewOver string   `json:"review_over"` // more goes to a person
	Threshold  int      `json:"threshold"`   // a name that scores so much is looked at
	Certain    int      `json:"certain"`     // … and so much is the same name
	RateDays   int      `json:"rate_days"`   // how old the rates may be
	Countries  []string `json:"countries"`   // embargoed
	limit      *big.Rat
}

// Tables are the files of the image.
type Tables struct {
	Rates  Rates
	List   []Entry
	Policy Policy
}

// A Match is a party and an entry with names alike.
type Match struct {
	Party   int    `json:"party"` // from 1
	Role    string `json:"role"`
	Entry   string `json:"entry"`
	Listed  string `json:"listed_name"`
	Score   int    `json:"score"`
	Born    string `json:"born"` // same, near, differs, unknown
	Program string `json:"program"`
}

// A Reason cites a rule. Decides is what it leads to by itself.
type Reason struct {
	Rule    string `json:"rule"`
	Decides string `json:"decides"`
	Text    string `json:"text"`
}

// Converted is the amount in the policy's currency.
type Converted struct {
	Value    string `json:"value"`
	Currency string `json:"currency"`
	RateDate string `json:"rate_date"`
	Rounding string `json:"rounding"`
}

// A Decision is clear, review (by a person) or block: the gravest of its reasons.
type Decision struct {
	ID        string     `json:"id"`
	Decision  string     `json:"decision"`
	Converted *Converted `json:"converted"`
	Matches   []Match    `json:"matches"`
	Reasons   []Reason   `json:"reasons"`
}

const (
	clearIt  = "clear"
	reviewIt = "review"
	blockIt  = "block"

	partiesMax = 64
	textMax    = 256
)

var (
	gravity      = map[string]int{clearIt: 0, reviewIt: 1, blockIt: 2}
	currencyForm = regexp.MustCompile(`^[A-Z]{3}$`)
	countryForm  = regexp.MustCompile(`^([A-Z]{2})?$`)
)

func day(text string) (time.Time, bool) {
	at, err := time.Parse("2006-01-02", text)
	return at, err == nil
}

func (t *Tables) prepare() error {
	limit, ok := parseDecimal(t.Policy.ReviewOver, t.Rates.places(t.Policy.Currency))
	if !ok || !t.Rates.prepare() || t.Rates.exact[t.Policy.Currency] == nil || t.Policy.Threshold < 1 || t.Policy.Certain < t.Policy.Threshold {
		return errTables
	}
	t.Policy.limit = limit
	for i := range t.List {
		entry := &t.List[i]
		for _, name := range append([]string{entry.Name}, entry.Aliases...) {
			folded := fold(name)
			if !folded.isComparable() {
				return errTables
			}
			entry.names = append(entry.names, folded)
		}
	}
	return nil
}

func isText(text string, least int) bool {
	return len(text) >= least && len(text) <= textMax && !strings.ContainsRune(text, utf8.RuneError) // the decoder's word for what was no text
}

func (p *Payment) isWellFormed(places int) bool {
	_, dated := day(p.Date)
	_, exact := parseDecimal(p.Amount.Value, places)
	if !dated || !exact || !currencyForm.MatchString(p.Amount.Currency) || !isText(p.ID, 1) || len(p.Parties) == 0 || len(p.Parties) > partiesMax {
		return false
	}
	for _, party := range p.Parties {
		if _, dated := day(party.Born); party.Born != "" && !dated {
			return false
		}
		if !isText(party.Role, 1) || !isText(party.Name, 1) || !countryForm.MatchString(party.Country) {
			return false
		}
	}
	return true
}

func (d *Decision) because(rule, decides, format string, words ...interface{}) {
	d.Reasons = append(d.Reasons, Reason{rule, decides, fmt.Sprintf(format, words...)})
	if gravity[decides] > gravity[d.Decision] {
		d.Decision = decides
	}
}

func (t *Tables) checkAmount(p *Payment, d *Decision) {
	value, _ := parseDecimal(p.Amount.Value, t.Rates.places(p.Amount.Currency))
	exact, ok := t.Rates.convert(value, p.Amount.Currency, t.Policy.Currency)
	if !ok {
		d.because("R-CUR-1", reviewIt, "there is no rate for %s", p.Amount.Currency)
		return
	}
	shown := roundHalfEven(exact, t.Rates.places(t.Policy.Currency))
	d.Converted = &Converted{shown, t.Policy.Currency, t.Rates.Date, "half-even"}
	if exact.Cmp(t.Policy.limit) > 0 {
		d.because("R-AMT-1", reviewIt, "%s %s is more than %s", t.Policy.Currency, shown, t.Policy.ReviewOver)
	}
	paid, _ := day(p.Date)
	rated, _ := day(t.Rates.Date)
	if age := int(paid.Sub(rated).Hours() / 24); age < 0 || age > t.Policy.RateDays {
		d.because("R-RATE-1", reviewIt, "the rates of %s are not for %s", t.Rates.Date, p.Date)
	}
}

// compareBorn: an entry may know a day or a year only, and lists often have it wrong by a year.
func compareBorn(party string, listed []string) string {
	at, known := day(party)
	if !known || len(listed) == 0 {
		return "unknown"
	}
	result := "differs"
	for _, text := range listed {
		if text == party || text == party[:4] {
			return "same"
		}
		year, err := time.Parse("2006", text[:least(4, len(text))])
		if years := at.Year() - year.Year(); err == nil && years >= -1 && years <= 1 {
			result = "near"
		}
	}
	return result
}

func (e *Entry) best(name Name) (score, index int) {
	for i, listed := range e.names {
		if found := Score(name, listed); found > score {
			score, index = found, i
		}
	}
	return score, index
}

func (t *Tables) judge(m Match, d *Decision) {
	certain := m.Score >= t.Policy.Certain
	switch {
	case certain && (m.Born == "same" || m.Born == "near"):
		d.because("R-NAME-1", blockIt, "party %d has the name and date of birth of %s", m.Party, m.Entry)
	case m.Born == "differs" && m.Score < scoreMax:
		d.because("R-NAME-3", clearIt, "party %d has a name like that of %s and was born at another time", m.Party, m.Entry)
	default:
		d.because("R-NAME-2", reviewIt, "party %d has a name like that of %s (%d), date of birth: %s", m.Party, m.Entry, m.Score, m.Born)
	}
}

func (t *Tables) checkParty(number int, party Party, d *Decision) {
	name := fold(party.Name)
	if !name.isComparable() {
		d.because("R-NAME-0", reviewIt, "the name of party %d cannot be compared", number)
	}
	for i := range t.List {
		entry := &t.List[i]
		score, index := entry.best(name)
		if score < t.Policy.Threshold {
			continue
		}
		listed := append([]string{entry.Name}, entry.Aliases...)[index]
		d.Matches = append(d.Matches, Match{number, party.Role, entry.ID, listed, score, compareBorn(party.Born, entry.Born), entry.Program})
	}
	for _, country := range t.Policy.Countries {
		if party.Country == country {
			d.because("R-CTRY-1", blockIt, "party %d is in %s", number, country)
		}
	}
}

// Check decides. The same payment and tables give the same bytes.
func (t *Tables) Check(p *Payment) (*Decision, error) {
	if !p.isWellFormed(t.Rates.places(p.Amount.Currency)) {
		return nil, errForm
	}
	d := &Decision{ID: p.ID, Decision: clearIt, Matches: []Match{}, Reasons: []Reason{}}
	t.checkAmount(p, d)
	for i, party := range p.Parties {
		t.checkParty(i+1, party, d)
	}
	sort.SliceStable(d.Matches, func(i, j int) bool { return d.Matches[i].Score > d.Matches[j].Score })
	for _, match := range d.Matches {
		t.judge(match, d)
	}
	return d, nil
}
