"""Streets, towns behind their postal code and wherever they come again, hospitals and practices by name."""
import re

from text import WORD, Span, folded

STREET_END = r"(?:[Ss]tra(?:ß|ss)e|[Ss]tr\.|[Ww]eg|[Gg]asse|[Pp]latz|[Aa]llee|[Rr]ing|[Uu]fer|[Dd]amm)"
STREETS = [re.compile(form) for form in (
    rf"\b(?:(?:Am|An der|Auf der|Im|In der|Zum|Zur) {WORD}(?: {WORD})?|(?:{WORD}[ -]){{0,2}}[^\W\d_]*{STREET_END}) \d+ ?[a-h]?\b",
    rf"\b(?:(?:Flat|Apt\.?|Apartment|Unit) \d+\w?, )?\d+[A-Ha-h]? (?:{WORD} ){{1,3}}(?:Street|St|Road|Rd|Lane|Ln|Avenue|Ave|Drive|Dr|Close|Court|Crescent|Terrace|"
    r"Gardens|Square|Grove|Hill|Park|Place|Row|Way|View|Mews|Green|Gate|Rise|Vale|Croft|Boulevard|Blvd)\b\.?",
    r"\b(?:P\.?O\.? Box|Postfach) \d[\d ]*\d\b",
)]
NAME = rf"(?:(?:Bad|Sankt|St\.?|New|San|Los|Great|North|South|East|West) )?{WORD}(?:[ -](?:am|an der|upon|on|in|under|le)[ -]{WORD}|/{WORD}| {WORD})?"
TOWNS = [re.compile(form) for form in (
    rf"\b(?:(?:D-)?\d{{5}}|(?:A|CH)-\d{{4}}) (?P<town>{NAME})",
    rf"\b(?P<town>{NAME}),? [A-Z]{{1,2}}\d[A-Z\d]? ?\d[A-Z]{{2}}\b",
    rf"\b(?P<town>{NAME}), [A-Z]{{2}} \d{{5}}(?:-\d{{4}})?\b",
)]
POSTCODE = re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}\b")
LIVES_IN = re.compile(rf"\b(?:lives? (?:alone )?in|living in|resident of|born in|moved to|from the town of|wohnhaft in|geboren in|"
                      rf"(?:born on|geboren am|geb\.(?: am)?) [\w. /-]{{3,25}}? in) (?P<town>(?:(?:Bad|Sankt|New|Great|Little|Upper|Lower) )?{WORD})")
HOUSE = re.compile(rf"\b(?:(?:St\.? )?{WORD}(?:[’']s)? ){{1,3}}(?:(?:General|University|Community|District|Children[’']s|Memorial|Royal) )*"
                   r"(?:Hospital|Infirmary|Clinic|Surgery|Practice|Hospice|Medical Cent(?:re|er)|Health Cent(?:re|er)|Nursing Home|Care Home)\b"
                   rf"|\b(?:(?:Universitäts)?[Kk]linik(?:um)?|Krankenhaus|Praxis|Pflegeheim|Hospital|Reha-Zentrum) (?:am |an der |St\. )?(?!No\b|Nr\b|Number|ID\b){WORD}\b")
NOT_OF_A_NAME = {"The", "Our", "Your", "This", "That", "Day", "General", "Outpatient", "Pain", "Memory", "Fracture", "Eye", "Heart", "Dental", "Emergency", "Chest", "At", "In", "To",
                 "From", "Every", "Good", "Best", "Diabetes", "Headache", "Wound", "Stroke", "Anticoagulation", "Antenatal", "University", "Community", "District", "Royal",
                 "Dear", "Cardiology", "Neurology", "Orthopaedic", "Oncology", "Department", "Private", "Local", "Walk"}


def house_span(match):
    """Without the words in front that do not belong to the name; None if nothing is left but the kind of house."""
    start = match.start()
    words = match[0].split()
    while len(words) > 1 and words[0] in NOT_OF_A_NAME:
        start += len(words.pop(0)) + 1
    kinds = {"Hospital", "Clinic", "Surgery", "Practice", "Infirmary", "Hospice", "Medical", "Health", "Nursing", "Care"}
    return None if words[0] in kinds and not re.match(rf"Hospital (?:am |an der |St\. )?{WORD}", " ".join(words)) else Span(start, match.end(), "place", folded(" ".join(words)))


def find(text):
    """Spans of the kinds address (streets, codes with their towns) and place."""
    spans = [Span(*m.span(), "address", folded(m[0])) for form in STREETS for m in form.finditer(text)]
    towns = {}
    for form in TOWNS:
        for match in form.finditer(text):
            spans.append(Span(*match.span(), "address", folded(match[0])))
            towns[match["town"]] = folded(match["town"])
    spans += [Span(*m.span(), "address", folded(m[0])) for m in POSTCODE.finditer(text)]
    spans += [span for span in map(house_span, HOUSE.finditer(text)) if span]
    for match in LIVES_IN.finditer(text):
        towns[match["town"]] = folded(match["town"])
    for town, key in sorted(towns.items(), key=lambda item: -len(item[0])):
        spans += [Span(*m.span(), "place", key) for m in re.finditer(rf"\b{re.escape(town)}\b", text)]
    return spans
