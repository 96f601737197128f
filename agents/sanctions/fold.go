package main

import (
	"sort"
	"strings"
	"unicode"
)

// Letters as they are written where there is only a to z: Latin with marks, Cyrillic as in passports, Greek.
var latin = buildLatin(map[string]string{
	"a": "àáâãäåāăąǎạảấầẩẫậắằẳẵặаα", "ae": "æ", "b": "бβ", "c": "çćĉċč", "d": "ďđðдδ", "e": "èéêëēĕėęěẹẻẽếềểễệеэєε", "f": "фƒφ",
	"g": "ĝğġģгґγ", "h": "ĥħ", "i": "ìíîïĩīĭįıịỉиіηι", "j": "ĵ", "k": "ķкκ", "l": "ĺļľŀłлλ", "m": "мμ", "n": "ñńņňŉнν", "o": "òóôõöøōŏőơọỏốồổỗộớờởỡợοоω",
	"oe": "œ", "p": "пπ", "r": "ŕŗřрρ", "s": "śŝşšșсσς", "ss": "ß", "t": "ţťŧțтτ", "u": "ùúûüũūŭůűųưụủứừửữựуυ", "v": "в", "w": "ŵ", "y": "ýÿŷỳỵỷỹый",
	"z": "źżžзζ", "zh": "ж", "kh": "хχ", "ts": "ц", "ch": "ч", "sh": "ш", "shch": "щ", "yu": "ю", "ya": "я", "yi": "ї", "yo": "ё", "th": "þθ", "x": "ξ", "ps": "ψ", "": "ьъ'’`´ʼ",
})

func buildLatin(groups map[string]string) map[rune]string {
	letters := map[rune]string{}
	for to, from := range groups {
		for _, letter := range from {
			letters[letter] = to
		}
	}
	return letters
}

var accented = map[rune]rune{'ά': 'α', 'έ': 'ε', 'ή': 'η', 'ί': 'ι', 'ό': 'ο', 'ύ': 'υ', 'ώ': 'ω', 'ϊ': 'ι', 'ϋ': 'υ', 'ΐ': 'ι', 'ΰ': 'υ'}

// Words that say nothing of who somebody is.
var titles = set("mr mrs ms miss dr prof sir dame herr frau the and of und von van de der den da di du la le el al bin ibn abu ltd limited llc inc gmbh ag sa spa plc co corp company ooo oao")

func set(words string) map[string]bool {
	all := map[string]bool{}
	for _, word := range strings.Fields(words) {
		all[word] = true
	}
	return all
}

// toLatin gives the lower-case words of a name in a to z and digits.
func toLatin(name string) []string {
	var out strings.Builder
	for _, letter := range strings.ToLower(name) {
		if plain, ok := accented[letter]; ok {
			letter = plain
		}
		switch to, known := latin[letter]; {
		case letter >= 'a' && letter <= 'z' || letter >= '0' && letter <= '9':
			out.WriteRune(letter)
		case known:
			out.WriteString(to)
		case unicode.In(letter, unicode.M, unicode.Cf): // a mark by itself, or what nobody sees: the letters beside it stand
		case unicode.IsLetter(letter):
			out.WriteRune(letter)
		default:
			out.WriteByte(' ')
		}
	}
	return strings.Fields(out.String())
}

// What different transcriptions of one name have in common: Yusuf and Youssef, Müller and Mueller, Sergey and Sergei.
// 4 is the sound of ch, so that its c is no k.
var sounds = strings.NewReplacer("tsch", "4", "tch", "4", "dsch", "i", "dj", "i", "dzh", "i", "sch", "sh", "ch", "4", "kh", "h", "gh", "g", "ph", "f", "ck", "k", "q", "k", "x", "ks", "w", "v", "ou", "u", "oo", "u",
	"ae", "a", "oe", "o", "ue", "u", "ee", "i", "ie", "i", "ey", "i", "ei", "i", "ij", "i", "iy", "i", "yi", "i", "y", "i", "j", "i", "z", "s", "c", "k", "dh", "d", "th", "t")

func bySound(word string) string {
	var out strings.Builder
	var last rune
	for _, letter := range sounds.Replace(word) {
		if letter != last {
			out.WriteRune(letter)
		}
		last = letter
	}
	return out.String()
}

// A Name is what names are compared by: its words without titles, in any order.
type Name struct {
	words  []string
	sounds []string
}

// isComparable says whether Score can tell who it is: by words, not too many, of letters that are read here.
func (n Name) isComparable() bool {
	for _, word := range n.words {
		if strings.IndexFunc(word, func(letter rune) bool { return letter > unicode.MaxASCII }) >= 0 {
			return false
		}
	}
	return len(n.words) > 0 && len(n.words) <= wordsMax
}

func fold(name string) Name {
	var folded Name
	for _, word := range toLatin(name) {
		if !titles[word] {
			folded.words = append(folded.words, word)
		}
	}
	sort.Strings(folded.words)
	for _, word := range folded.words {
		folded.sounds = append(folded.sounds, bySound(word))
	}
	return folded
}
