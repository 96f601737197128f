"""What identifies by form or by the label before it: addresses of mail and web, telephone, insurance, record and account numbers."""
import re

from text import Span, folded

EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}\b")
IP = re.compile(r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.]*\d)")
URL = re.compile(r"\b(?:https?://|www\.)[^\s<>()]*[\w/]")

LABELS = (r"(?:MRN|NHS|SSN|PID|KVNR|IBAN|Hospital|Record|Medical record|Patient|Insurance|Policy|Member|Membership|Case|Claim|Account|Chart|Health card|Passport|"
          r"Reference|Ref|Lab|Sample|Accession|Device|Serial|Licence|License|Medicare|Medicaid|CHI|Versicherten|Versicherungs|Patienten|Fall|Akten|Kranken|Kassen|Mitglieds)")
NUMBER_WORD = r"(?:\s?-?(?:number|no|nr|num|id|nummer|#)\b\.?|\s?№)"
LABELLED = re.compile(rf"\b{LABELS}{NUMBER_WORD}?(?:\s?\(\w+\))?\s?[:#=]?\s*(?:is |was |lautet )?(?P<id>(?=[\w/.-]{{0,40}}\d)[A-Z0-9][\w/-]*(?:[ .][A-Z]?\d[\w/-]*)*)", re.I)
FORMS = [re.compile(form) for form in (
    r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b",  # IBAN
    r"\b\d{3}-\d{2}-\d{4}\b",  # US social security number
    r"\b[A-Z]\d{9}\b",  # German insurance number
    r"\b[A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b",  # UK national insurance number
    r"\b(?=[A-Z0-9-]{0,40}[A-Z])(?=(?:[A-Z-]{0,20}\d){6})[A-Z0-9]{1,40}(?:-[A-Z0-9]{1,40}){0,8}\b",  # a letter and six digits
)]
PHONE_LABEL = re.compile(r"\b(?:Tel|Telephone|Phone|Ph|Mobile|Mob|Cell|Fax|Pager|Telefon|Mobil|Handy|Durchwahl|call(?:ed)?(?: me| us| her| him)? on)\b[.:]{0,2}\s*"
                         r"(?:no\.?|number|Nr\.?)?\s*(?P<number>\+?\(?\d[\d ()/.-]{4,}\d)", re.I)
PHONE_FORM = re.compile(r"(?<![\w.,/-])(?P<number>(?:\+\d{1,3}|\(?0\d{1,5}\)?)[ /-]?(?:\(0\))?(?:[ /-]?\d{2,}){1,6}|\(\d{3}\) ?\d{3}-\d{4}|\d{3}-\d{3}-\d{4})(?![\w/]|[.,]\d)")
PHONE_DIGITS = range(7, 16)


def digits(text):
    return re.sub(r"\D", "", text)


def phone_key(text):
    """+49 711, 0049 711 and 0711 are the same line: the last nine digits tell lines apart."""
    return digits(text)[-9:]


def find(text):
    """Spans of the kinds email, web, number and phone, the surest first."""
    spans = [Span(*m.span(), "email", m[0].casefold()) for m in EMAIL.finditer(text)]
    spans += [Span(*m.span(), "web", m[0].casefold()) for form in (URL, IP) for m in form.finditer(text)]
    for match in LABELLED.finditer(text):
        if len(digits(match["id"])) >= 3:
            spans.append(Span(*match.span("id"), "number", folded(match["id"])))
    spans += [Span(*m.span("number"), "phone", phone_key(m["number"])) for m in PHONE_LABEL.finditer(text) if len(digits(m["number"])) in PHONE_DIGITS]
    spans += [Span(*m.span(), "number", folded(m[0])) for form in FORMS for m in form.finditer(text)]
    spans += [Span(*m.span("number"), "phone", phone_key(m["number"])) for m in PHONE_FORM.finditer(text) if len(digits(m["number"])) in PHONE_DIGITS]
    return spans
