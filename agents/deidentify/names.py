"""People: who stands behind a title, a label, a greeting or a signature, or begins with a given name; and then every mention of them."""
import re

from text import UPPER, WORD, Cover, Span, folded, words_of

GIVEN = frozenset(name.casefold() for name in words_of("given-names.txt"))
EPONYMS = frozenset(name.casefold() for name in words_of("eponyms.txt"))

PART = rf"(?:O[’']{WORD}|Mc{WORD}|Mac{WORD}|{WORD})"
INITIALS = rf"(?:[{UPPER}]\.[ ]?)*"
PARTICLE = r"(?:(?:von|van|de|der|den|zu|zur|di|da|del|la|le|bin|al|el|ter) )*"
FULL = rf"{INITIALS}{PARTICLE}{PART}(?: (?:{INITIALS}{PARTICLE}{PART}|[{UPPER}]\.(?= )))*"
TITLE = (r"(?:Mr|MR|Mrs|MRS|Ms|Miss|MISS|Mx|Dr|DR|Prof|PROF|HERRN?|FRAU|Professor|Sir|Dame|Sister|Nurse|Herrn?|Frau|Fr|Hr|Oberarzt|Oberärztin|Chefarzt|Chefärztin|Schwester|Pfleger)\.?"
         r"(?: (?:med|rer|nat|dent|h|c|habil|Dr|Prof|Priv|Doz)\.|[- ](?:Dr|Prof|Doz)\.?)*")
TITLED = re.compile(rf"\b(?:{TITLE}[ \t]+|(?:Mr|Mrs|Ms|Dr|Herrn?|Frau)\.?\n[ \t]*)+(?:(?:Kollege|Kollegin|Colleague) )?(?P<name>(?:[{UPPER}] )?{FULL})")
INITIALLED = re.compile(rf"(?<![.\w])(?P<name>(?:[{UPPER}]\. ?){{1,3}}{PARTICLE}{PART})\b")
LABELLED = re.compile(rf"^[ \t]*(?i:Re|Patient(?:in)?|Patient name|Name|Name of patient|Full name|Surname|Next of kin|Consultant|GP|Referred by|Seen by|Copy to|cc|Betreff|Betr|Signed|"
                      rf"Dictated by|Physician|Surgeon|Contact|Carer|Hausarzt|Angehörige)[ \t]*:[ \t]*(?:{TITLE} )*(?P<name>{FULL})", re.M)
SURNAME_FIRST = re.compile(rf"^[ \t]*(?i:Re|Patient(?:in)?|(?:Patient |Full )?Name|Betreff)[ \t]*:[ \t]*(?P<name>{PART}, {PART}(?: {PART})*)", re.M)
CAPITALS_FIRST = re.compile(rf"\b(?P<name>[{UPPER}]{{2,}}(?:[-'’][{UPPER}]+){{0,4}}, (?P<given>{WORD}))\b")
SEEN = re.compile(rf"\b(?:(?:I|[Ww]e) (?:saw|met|reviewed|examined|assessed|spoke to|spoke with)|referr(?:ing|al of)|(?:Ihre?n?|[Dd]e[rnm]|[Dd]ie) Patient(?:in|en)?) (?!{TITLE} )(?P<name>{PART} {PART})\b")
GREETED = re.compile(rf"\b(?:Dear|Hello|Hi|Lieber?) (?!Sir|Madam|Colleague|Doctor|Team)(?!{TITLE} )(?P<name>{FULL})")
SIGNED = re.compile(rf"(?:[Yy]ours (?:sincerely|faithfully|truly)|[Kk]ind regards|[Bb]est wishes|[Mm]it freundlichen(?: kollegialen)? Grüßen|[Ss]incerely),?[ \t]*\n\s*"
                    rf"(?:{TITLE} )*(?P<name>{FULL})")
KIN = re.compile(rf"\b(?:wife|husband|son|daughter|mother|father|sister|brother|partner|carer|neighbour|friend|niece|nephew|uncle|aunt|cousin|"
                 r"grandson|granddaughter|grandmother|grandfather|Ehemann|Ehefrau|Sohn|Tochter|Mutter|Vater|Bruder|Enkel|Enkelin)(?:-in-law)?,? "
                 rf"(?P<name>{PART}(?: {PART})?)\b")
BY_GIVEN = re.compile(rf"\b(?P<name>(?P<given>{WORD})(?: [{UPPER}]\.)?(?: {PARTICLE}{PART}){{1,2}})\b")
SOLE = re.compile(rf"\b{WORD}\b")
DISEASE = re.compile(r"(?:[’']s?)?[ -](?:[Dd]isease|[Ss]yndrome|[Ss]ign|[Tt]est|[Pp]alsy|[Ll]ymphoma|[Tt]hyroiditis|[Ss]cale|[Ss]core|[Cc]oma|[Tt]riad|[Mm]anoeuvre|[Ff]racture|[Cc]atheter|[Mm]onitor|"
                     r"[Cc]horea|[Cc]ontracture|[Nn]odes?|[Mm]etaplasia|[Oo]esophagus|[Ss]tage|[Tt]endon|[Pp]henomenon|[Cc]riteria|[Cc]onstriction|[Bb]od(?:y|ies)|[Tt]etralogy|-?[Ee]rkrankung|-?Krankheit|-?Syndrom)")
# Capitalised words that follow a name or a title and are none.
NOT_NAMES = frozenset(word.casefold() for word in """The This That These His Her He She They We You Your Our It In On At To From For And But With Was Is Has Had Will Date Born Age Address Tel
Phone Patient Diagnosis Diagnoses Medication Medications History Examination Plan Re Dear Hospital Clinic Surgery Department Ward Street Road Yours Sincerely Kind Regards Thank Thanks
Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May June July August September October November December Sir Madam Colleague
Consultant Cardiologist Neurologist Registrar Physician Surgeon Radiologist Nurse Doctor Professor Specialist General Practitioner Senior Junior Chief Head Facharzt Fachärztin Kollege Kollegin
Chest Pain Blood Heart Type Stage Grade Left Right Telephone Email Fax Mobile No Nil Not Normal Fully Und Der Die Das Wir Er Sie Ist War Wurde Insurance NHS MRN DOB Nr
Geburtsdatum Anamnese Befund Therapie Diagnose Damen Herren""".split())
BOTH = frozenset(("will", "april", "may", "june", "august"))


def trimmed(text, start, end):
    """The span without what follows the name; None if nothing is left. May and Will are names where another follows."""
    parts = [(m.start() + start, m.end() + start) for m in re.finditer(r"\S+", text[start:end])]
    for at, (first, last) in enumerate(parts):
        word = text[first:last].rstrip(".,").casefold()
        if word in NOT_NAMES and not (at == 0 and len(parts) > 1 and word in BOTH):
            parts = parts[:at]
            break
    return (parts[0][0], parts[-1][1]) if parts else None


def is_disease(text, start, end):
    return text[start:end].split()[-1].casefold() in EPONYMS and DISEASE.match(text, end) is not None


def is_medicine(text, start, end):
    """Whether a name that nobody introduced is that of a disease, a test or a thing."""
    return text[start:end].split()[-1].casefold() in EPONYMS


def introduced(text):
    """Places of names with something beside them that says so."""
    found = []
    for form in (SURNAME_FIRST, LABELLED, TITLED, SEEN, GREETED, SIGNED, KIN, INITIALLED):
        for match in form.finditer(text):
            place = trimmed(text, *match.span("name"))
            if place and not is_disease(text, *place):
                found.append(place)
    for match in (*BY_GIVEN.finditer(text), *CAPITALS_FIRST.finditer(text)):
        place = trimmed(text, *match.span("name")) if match["given"].casefold() in GIVEN else None
        if place and not is_medicine(text, *place):
            found.append(place)
    return found


def parts_of(name):
    """(given names, surname) folded; a single word is a surname."""
    if "," in name:
        surname, _, given = name.partition(",")
        return [folded(part) for part in given.split()], folded(surname)
    words = [word for word in name.split() if word.casefold() not in ("von", "van", "de", "der", "den", "zu", "zur", "di", "da", "del", "la", "le", "bin", "al", "el", "ter")]
    return [folded(word) for word in words[:-1]], folded(words[-1])


class People:
    """Who is who: the same surname is the same person, unless given names say otherwise."""

    def __init__(self):
        self.known = []  # [given names, surname]

    def key(self, name):
        given, surname = parts_of(name)
        for index, (others, other) in enumerate(self.known):
            same = surname == other and (not given or not others or given[0] == others[0] or given[0][0] == others[0][0] and 1 in (len(given[0]), len(others[0])))
            if same or (not given and surname in others):
                if len(given) > len(others) and surname == other:
                    self.known[index][0] = given
                return f"person {index}"
        self.known.append([given, surname])
        return f"person {len(self.known) - 1}"

    def words(self):
        """Every word of every name that is mentioned again by itself."""
        return {word for given, surname in self.known for word in (*given, surname) if len(word) > 2}


def find(text):
    """Spans of the kind name: those that are introduced, longest first, then each further mention of a part."""
    places = sorted(set(introduced(text)), key=lambda place: (place[0] - place[1], place[0]))
    cover, people = Cover(len(text)), People()
    spans = [Span(start, end, "name", people.key(text[start:end])) for start, end in places if cover.take(start, end)]
    words = people.words()
    for match in SOLE.finditer(text):
        word = match[0].casefold()
        if word not in NOT_NAMES and (folded(word) in words or word in GIVEN) and not is_disease(text, *match.span()) and cover.take(*match.span()):
            spans.append(Span(*match.span(), "name", people.key(match[0])))
    return spans
