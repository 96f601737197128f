#include <string.h>

#include "agents/intake/money.h"

static const char *const total_words[] = {"total", "totals", "totalling", "altogether", "in all", "all told", "in sum", "please pay",
                                          "please transfer", "please reimburse", "transfer", "reimburse me", "pay me", NULL};
static const char *const other_words[] = {"premium", "excess", "deductible", "sum insured", "insured for", "cover of", "covered up to",
                                          "limit", "you have already paid", "you already paid", "reimbursed", "refunded", "bought for", "paid for it in",
                                          "original price", "purchase price", "new price", "worth", "salary", NULL};

/* What makes a figure none that can be paid: a guess, a range, a price of one of several, a part that is taken off or not claimed. */
static const char *const vague_words[] = {"between", "each", "apiece", "per person", "per night", "per day", "per hour", "less", "minus", "discount",
                                          "not claim", "not claiming", "n't claim", "paid me", "received", "half of", NULL};
static const char *const guess_words[] = {"about", "around", "some", "roughly", "approximately", "approx", "circa", "nearly", "almost", "over", "under",
                                          "up to", "at least", "more than", "from", "perhaps", "maybe", NULL};

/* A comma, a figure, a list's next line: where the words behind an amount stop being about it. */
static bool ends_clause(const struct cmaw_letter *letter, size_t at)
{
    const uint8_t c = letter->text.data[at];
    const uint8_t next = cmaw_letter_at(letter, at + 1);
    return c == ',' || c == ';' || c == '(' || (c >= '0' && c <= '9') || (c == '\n' && next >= 'A' && next <= 'Z');
}

/* The words that go with an amount: from the one before, or from the start of the sentence, up to the end of its clause. */
static struct cmaw_span clause_of(const struct cmaw_letter *letter, struct cmaw_span amount, size_t previous_end)
{
    const struct cmaw_span sentence = cmaw_letter_sentence_at(letter, amount.at);
    struct cmaw_span clause = {sentence.at > previous_end ? sentence.at : previous_end, amount.end};
    while (clause.end < sentence.end && !ends_clause(letter, clause.end)) {
        clause.end++;
    }
    return clause;
}

static enum cmaw_amount_role role_of(const struct cmaw_letter *letter, struct cmaw_span clause)
{
    struct cmaw_span hit;
    if (cmaw_letter_find_any(letter, clause, other_words, &hit)) {
        return CMAW_AMOUNT_OTHER;
    }
    return cmaw_letter_find_any(letter, clause, total_words, &hit) ? CMAW_AMOUNT_TOTAL : CMAW_AMOUNT_ITEM;
}

/* "EUR 500 to" and "or" before this one, "-700" behind it. */
static bool in_range(const struct cmaw_letter *letter, struct cmaw_span amount, size_t previous_end)
{
    struct cmaw_span gap = {previous_end, amount.at};
    size_t next = amount.end;
    while (gap.at < gap.end && letter->low.data[gap.at] == ' ') {
        gap.at++;
    }
    while (gap.end > gap.at && letter->low.data[gap.end - 1] == ' ') {
        gap.end--;
    }
    const struct cmaw_slice between = cmaw_slice_sub(cmaw_buf_slice(&letter->low), gap.at, gap.end - gap.at);
    next += cmaw_letter_at(letter, next) == ' ' ? 1 : 0;
    const bool dash = cmaw_letter_at(letter, next) == '-';
    next += cmaw_letter_at(letter, next + 1) == ' ' ? 2 : 1;
    const uint8_t digit = cmaw_letter_at(letter, next);
    return cmaw_slice_eq_cstr(between, "to") || cmaw_slice_eq_cstr(between, "or") || (dash && digit >= '0' && digit <= '9');
}

static bool is_vague(const struct cmaw_letter *letter, struct cmaw_span amount, struct cmaw_span clause, size_t previous_end)
{
    enum { NEAR = 16 };
    struct cmaw_span hit;
    const struct cmaw_span near = {clause.at + NEAR < amount.at ? amount.at - NEAR : clause.at, amount.at};
    return cmaw_letter_find_any(letter, clause, vague_words, &hit) || cmaw_letter_find_any(letter, near, guess_words, &hit) ||
           in_range(letter, amount, previous_end);
}

static void collect(const struct cmaw_letter *letter, struct cmaw_fact_amounts *amounts)
{
    size_t previous_end = 0;
    for (size_t at = 0; at < letter->text.size && amounts->count < CMAW_FACT_AMOUNTS_MAX;) {
        struct cmaw_fact_amount amount;
        if (!cmaw_money_at(letter, at, &amount)) {
            at++;
            continue;
        }
        const struct cmaw_span clause = clause_of(letter, amount.span, previous_end);
        amount.role = role_of(letter, clause);
        if (is_vague(letter, amount.span, clause, previous_end)) {
            amount.confidence = CMAW_INTAKE_UNSURE;
        }
        amounts->found[amounts->count++] = amount;
        previous_end = amount.span.end;
        at = at > amount.span.end ? at + 1 : amount.span.end;
    }
}

struct sums {
    int64_t minor;
    const char *currency;
    size_t count;
    bool agree; /* one currency and, for totals, one figure */
    int confidence;
};

/* The figure of an earlier item once more: the same thing told twice, or a second one like it. */
static bool is_repeated(const struct cmaw_fact_amounts *amounts, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (amounts->found[i].role == CMAW_AMOUNT_ITEM && amounts->found[i].minor == amounts->found[index].minor) {
            return true;
        }
    }
    return false;
}

static struct sums sum_up(const struct cmaw_fact_amounts *amounts, enum cmaw_amount_role role)
{
    struct sums sums = {.agree = true, .confidence = 100};
    for (size_t i = 0; i < amounts->count; i++) {
        const struct cmaw_fact_amount *amount = &amounts->found[i];
        if (amount->role != role) {
            continue;
        }
        sums.agree &= sums.count == 0 || strcmp(sums.currency, amount->currency) == 0;
        sums.agree &= sums.count == 0 || role == CMAW_AMOUNT_ITEM || sums.minor == amount->minor;
        sums.minor = role == CMAW_AMOUNT_ITEM ? sums.minor + amount->minor : amount->minor;
        sums.currency = amount->currency;
        const int sure = role == CMAW_AMOUNT_ITEM && is_repeated(amounts, i) ? CMAW_INTAKE_UNSURE : amount->confidence;
        sums.confidence = sure < sums.confidence ? sure : sums.confidence;
        sums.count++;
    }
    return sums;
}

static void claim(struct cmaw_fact_amounts *amounts, const struct sums *sums, const char *by, int confidence)
{
    amounts->claimed = sums->minor;
    memcpy(amounts->currency, sums->currency, sizeof amounts->currency);
    amounts->claimed_by = by;
    amounts->confidence = confidence < sums->confidence ? confidence : sums->confidence;
    if (amounts->count == CMAW_FACT_AMOUNTS_MAX) {
        amounts->confidence = CMAW_INTAKE_UNSURE; /* there may be more */
    }
}

void cmaw_facts_read_amounts(const struct cmaw_letter *letter, struct cmaw_facts *facts)
{
    struct cmaw_fact_amounts *amounts = &facts->amounts;
    collect(letter, amounts);
    const struct sums total = sum_up(amounts, CMAW_AMOUNT_TOTAL);
    const struct sums items = sum_up(amounts, CMAW_AMOUNT_ITEM);
    if (total.count > 0 && total.agree) {
        const bool same = items.agree && items.count > 0 && items.minor == total.minor && strcmp(items.currency, total.currency) == 0;
        claim(amounts, &total, "total", same || items.count == 0 ? 90 : 40);
    } else if (total.count == 0 && items.count > 0 && items.agree) {
        claim(amounts, &items, "sum", 85);
    }
}
