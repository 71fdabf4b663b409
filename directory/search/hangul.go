package search

import "strings"

// A Hangul syllable is made of an initial, a vowel and maybe a final (The Unicode
// Standard, section 3.12). Here each is a letter of its own, as keyboards have them.
var (
	initials = []rune("ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ")
	vowels   = []rune("ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ")
	finals   = []rune("\x00ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")
)

// doubles are letters that two keys make.
var doubles = map[rune]string{'ㅘ': "ㅗㅏ", 'ㅙ': "ㅗㅐ", 'ㅚ': "ㅗㅣ", 'ㅝ': "ㅜㅓ", 'ㅞ': "ㅜㅔ", 'ㅟ': "ㅜㅣ", 'ㅢ': "ㅡㅣ",
	'ㄳ': "ㄱㅅ", 'ㄵ': "ㄴㅈ", 'ㄶ': "ㄴㅎ", 'ㄺ': "ㄹㄱ", 'ㄻ': "ㄹㅁ", 'ㄼ': "ㄹㅂ", 'ㄽ': "ㄹㅅ", 'ㄾ': "ㄹㅌ", 'ㄿ': "ㄹㅍ", 'ㅀ': "ㄹㅎ", 'ㅄ': "ㅂㅅ"}

const (
	firstSyllable = '가'
	lastSyllable  = '힣'
)

func isSyllable(r rune) bool  { return r >= firstSyllable && r <= lastSyllable }
func isConsonant(r rune) bool { return r >= 'ㄱ' && r <= 'ㅎ' }

// initial is the first letter of a syllable, and another rune itself.
func initial(r rune) rune {
	if !isSyllable(r) {
		return r
	}
	return initials[(r-firstSyllable)/(21*28)]
}

// keys are the letters of a syllable as they are typed.
func keys(r rune) string {
	if !isSyllable(r) {
		return string(r)
	}
	n := int(r - firstSyllable)
	var b strings.Builder
	for _, k := range []rune{initials[n/(21*28)], vowels[n/28%21], finals[n%28]} {
		switch typed, double := doubles[k]; {
		case k == 0:
		case double:
			b.WriteString(typed)
		default:
			b.WriteRune(k)
		}
	}
	return b.String()
}

// begins tells whether the text is what one gets who types a name from its
// beginning: each syllable is there or, by its initial alone, meant; and the last may
// not be whole yet, or have the initial of the next one as its final.
func begins(name, typed []rune) bool {
	if len(typed) > len(name) {
		return false
	}
	for i, t := range typed {
		switch last := i == len(typed)-1; {
		case t == name[i]:
		case isConsonant(t) && t == initial(name[i]):
		case last && isSyllable(t) && isSyllable(name[i]) && composing(name[i:], t):
		default:
			return false
		}
	}
	return true
}

// composing tells whether a syllable that is being typed is on its way to a name.
func composing(name []rune, t rune) bool {
	typed, whole := keys(t), keys(name[0])
	if strings.HasPrefix(whole, typed) {
		return true
	}
	rest, ok := strings.CutPrefix(typed, whole)
	return ok && len(name) > 1 && rest == string(initial(name[1]))
}

// contains tells whether a name begins so at any of its letters.
func contains(name, typed []rune) bool {
	for i := range name {
		if begins(name[i:], typed) {
			return true
		}
	}
	return false
}

// keyboard is what the keys of a Latin keyboard write on a Korean one.
var keyboard = map[rune]rune{'r': 'ㄱ', 'R': 'ㄲ', 's': 'ㄴ', 'e': 'ㄷ', 'E': 'ㄸ', 'f': 'ㄹ', 'a': 'ㅁ', 'q': 'ㅂ', 'Q': 'ㅃ', 't': 'ㅅ', 'T': 'ㅆ', 'd': 'ㅇ',
	'w': 'ㅈ', 'W': 'ㅉ', 'c': 'ㅊ', 'z': 'ㅋ', 'x': 'ㅌ', 'v': 'ㅍ', 'g': 'ㅎ',
	'k': 'ㅏ', 'o': 'ㅐ', 'i': 'ㅑ', 'O': 'ㅒ', 'j': 'ㅓ', 'p': 'ㅔ', 'u': 'ㅕ', 'P': 'ㅖ', 'h': 'ㅗ', 'y': 'ㅛ', 'n': 'ㅜ', 'b': 'ㅠ', 'm': 'ㅡ', 'l': 'ㅣ'}

// slip is what somebody meant who typed Korean without switching the keyboard over;
// "" where a key writes nothing there.
func slip(latin string) string {
	var letters []rune
	for _, r := range latin {
		k, ok := keyboard[r]
		if !ok {
			k, ok = keyboard[r|0x20]
		}
		if !ok {
			return ""
		}
		letters = append(letters, k)
	}
	return string(compose(letters))
}

func index(list []rune, r rune) int {
	for i, x := range list {
		if x == r {
			return i
		}
	}
	return -1
}

// join is the letter that two keys make, 0 where they make none.
func join(a, b rune) rune {
	for k, typed := range doubles {
		if typed == string([]rune{a, b}) {
			return k
		}
	}
	return 0
}

// compose makes syllables of letters, as an input method does.
func compose(letters []rune) (out []rune) {
	for i := 0; i < len(letters); {
		first := index(initials, letters[i])
		if first < 0 || i+1 == len(letters) || index(vowels, letters[i+1]) < 0 {
			out = append(out, letters[i])
			i++
			continue
		}
		vowel, final := letters[i+1], rune(0)
		i += 2
		if i < len(letters) && join(vowel, letters[i]) != 0 {
			vowel = join(vowel, letters[i])
			i++
		}
		isFinal := func(at int) bool { // not the initial of a next syllable
			return at < len(letters) && index(finals, letters[at]) > 0 && (at+1 == len(letters) || index(vowels, letters[at+1]) < 0)
		}
		if isFinal(i) {
			final = letters[i]
			i++
			if j := join(final, at(letters, i)); j != 0 && isFinal(i) {
				final = j
				i++
			}
		}
		out = append(out, rune(firstSyllable+(first*21+index(vowels, vowel))*28+max(index(finals, final), 0)))
	}
	return out
}

func at(letters []rune, i int) rune {
	if i < len(letters) {
		return letters[i]
	}
	return 0
}

// romanised is a name in Latin letters, a syllable after the other.
var (
	romanInitials = strings.Split("g kk n d tt r m b pp s ss - j jj ch k t p h", " ")
	romanVowels   = strings.Split("a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i", " ")
	romanFinals   = strings.Split("- k k k n n n t l k m l l l p l m p p t t ng t t k t p t", " ")
)

// families are names as their bearers write them.
var families = map[rune]string{'김': "kim", '이': "lee", '박': "park", '최': "choi", '정': "jung", '강': "kang", '조': "cho", '윤': "yoon",
	'임': "lim", '신': "shin", '권': "kwon", '오': "oh", '유': "yoo", '노': "noh", '문': "moon", '우': "woo", '구': "koo"}

func romanised(name []rune) string {
	var b strings.Builder
	for i, r := range name {
		if f, ok := families[r]; ok && i == 0 {
			b.WriteString(f)
			continue
		}
		if !isSyllable(r) {
			b.WriteRune(r)
			continue
		}
		n := int(r - firstSyllable)
		for _, part := range []string{romanInitials[n/(21*28)], romanVowels[n/28%21], romanFinals[n%28]} {
			b.WriteString(strings.TrimPrefix(part, "-"))
		}
	}
	return b.String()
}
