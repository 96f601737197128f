package main

import (
	"math/big"
	"regexp"
	"strings"
)

// decimals without exponent, sign or leading zeros: what can be compared byte by byte
var decimalForm = regexp.MustCompile(`^(0|[1-9][0-9]{0,17})(\.([0-9]{1,12}))?$`)

// parseDecimal reads an exact number of at most digits places; more places are no rounding of ours to make.
func parseDecimal(text string, digits int) (*big.Rat, bool) {
	found := decimalForm.FindStringSubmatch(text)
	if found == nil || len(found[3]) > digits {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

// roundHalfEven gives value with so many places; a tie goes to the even neighbour, so that many roundings do not add up.
func roundHalfEven(value *big.Rat, digits int) string {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
	scaled := new(big.Rat).Mul(value, new(big.Rat).SetInt(scale))
	quotient, rest := new(big.Int).QuoRem(scaled.Num(), scaled.Denom(), new(big.Int))
	order := rest.Lsh(rest, 1).CmpAbs(scaled.Denom())
	if order > 0 || (order == 0 && quotient.Bit(0) == 1) {
		quotient.Add(quotient, big.NewInt(1)) // values are not negative
	}
	text := quotient.String()
	if digits == 0 {
		return text
	}
	if len(text) <= digits {
		text = strings.Repeat("0", digits-len(text)+1) + text
	}
	return text[:len(text)-digits] + "." + text[len(text)-digits:]
}

// Rates says how many units of a currency one unit of the base costs, as central banks publish it.
type Rates struct {
	Base   string            `json:"base"`
	Date   string            `json:"date"`
	Rates  map[string]string `json:"rates"`
	Digits map[string]int    `json:"digits"` // places of a currency, where they are not two
	exact  map[string]*big.Rat
}

const (
	rateDigits = 8
)

func (r *Rates) prepare() bool {
	r.exact = map[string]*big.Rat{r.Base: big.NewRat(1, 1)}
	for currency, text := range r.Rates {
		rate, ok := parseDecimal(text, rateDigits)
		if !ok || rate.Sign() == 0 || currency == r.Base {
			return false
		}
		r.exact[currency] = rate
	}
	_, dated := day(r.Date)
	return dated
}

func (r *Rates) places(currency string) int {
	if digits, ok := r.Digits[currency]; ok {
		return digits
	}
	return 2
}

// convert gives the exact amount in currency to, through the base: rounded once, by whoever shows it.
func (r *Rates) convert(amount *big.Rat, from, to string) (*big.Rat, bool) {
	one, other := r.exact[from], r.exact[to]
	if one == nil || other == nil {
		return nil, false
	}
	return new(big.Rat).Mul(new(big.Rat).Quo(amount, one), other), true
}
