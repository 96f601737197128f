package main

const (
	scoreMax     = 100
	wordMin      = 60 // below, two words have nothing in common
	initialScore = 80 // "V" for "Viktor"
	soundScore   = 96 // other letters, same sound
	wordsMax     = 16 // of a name that is compared; more are no name
)

func least(a, b int) int {
	if a < b {
		return a
	}
	return b
}

func most(a, b int) int { return -least(-a, -b) }

// distance is the number of letters to put in, take out, change or exchange with their neighbour, to make one word the other.
func distance(one, other string) int {
	a, b := []rune(one), []rune(other)
	before, last, now := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		now[0] = i
		for j := 1; j <= len(b); j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			now[j] = least(change, least(last[j], now[j-1])+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				now[j] = least(now[j], before[j-2]+1)
			}
		}
		before, last, now = last, now, before
	}
	return last[len(b)]
}

func likeness(one, other string) int {
	longest := most(len([]rune(one)), len([]rune(other)))
	if longest == 0 {
		return scoreMax
	}
	return (longest - distance(one, other)) * scoreMax / longest
}

// wordScore compares word i of one name with word j of another: by letters, by sound, or an initial with what it may stand for.
func wordScore(a Name, i int, b Name, j int) int {
	one, other := a.words[i], b.words[j]
	if one == other {
		return scoreMax
	}
	if (len(one) == 1 || len(other) == 1) && one[0] == other[0] {
		return initialScore
	}
	score := most(likeness(one, other), likeness(a.sounds[i], b.sounds[j])*soundScore/scoreMax)
	if score < wordMin {
		return 0
	}
	return score
}

// pair takes, again and again, the two words most alike that are left. It gives the sum of scores by length and that length.
func pair(a, b Name) (sum, size, pairs int) {
	usedA, usedB := make([]bool, len(a.words)), make([]bool, len(b.words))
	for {
		best, bestI, bestJ := 0, 0, 0
		for i := range a.words {
			for j := range b.words {
				if !usedA[i] && !usedB[j] {
					if score := wordScore(a, i, b, j); score > best {
						best, bestI, bestJ = score, i, j
					}
				}
			}
		}
		if best == 0 {
			break
		}
		usedA[bestI], usedB[bestJ] = true, true
		length := most(len(a.words[bestI]), len(b.words[bestJ]))
		sum, size, pairs = sum+best*length, size+length, pairs+1
	}
	for side, used := range [][]bool{usedA, usedB} {
		for i, taken := range used {
			if !taken {
				size += len([]Name{a, b}[side].words[i]) / 2 // a second given name is often left out: it counts half, so a list needs the short form as an alias
			}
		}
	}
	return sum, size, pairs
}

// Score says how much two names are alike, from 0 to 100. A surname alone does not make two people one.
func Score(a, b Name) int {
	if len(a.words) == 0 || len(b.words) == 0 || len(a.words) > wordsMax || len(b.words) > wordsMax {
		return 0
	}
	sum, size, pairs := pair(a, b)
	if pairs == 0 || (pairs == 1 && most(len(a.words), len(b.words)) > 1) {
		return 0
	}
	return sum / size
}
