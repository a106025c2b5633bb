/* info_projections.c - `stc info` of the synapses of populations: one line per projection. */
#include "info.h"

#include "commands.h"

#include "stc/connect.h"

enum { NAME_WIDTH = 28, RULE_WIDTH = 30 };

static const char *rule_text(const stc_projection *p, char *buffer, size_t size)
{
    static const char *const names[STC_NRULES] = {
        [STC_RULE_EXPLICIT] = "explicit",
        [STC_RULE_ONE_TO_ONE] = "one_to_one",
        [STC_RULE_ALL_TO_ALL] = "all_to_all",
        [STC_RULE_FIXED_INDEGREE] = "fixed_indegree",
        [STC_RULE_FIXED_OUTDEGREE] = "fixed_outdegree",
        [STC_RULE_FIXED_TOTAL_NUMBER] = "fixed_total_number",
        [STC_RULE_PAIRWISE_BERNOULLI] = "pairwise_bernoulli"};
    /* a total number stands in the column of its own */
    bool counts = p->rule == STC_RULE_FIXED_INDEGREE || p->rule == STC_RULE_FIXED_OUTDEGREE;
    if (p->rule == STC_RULE_PAIRWISE_BERNOULLI) {
        snprintf(buffer, size, "%s %g", names[p->rule], p->p);
    } else if (counts) {
        snprintf(buffer, size, "%s %lld", names[p->rule], (long long)p->number);
    } else {
        snprintf(buffer, size, "%s", names[p->rule]);
    }
    return buffer;
}

void stc_info_projections_text(const stc_info_projection *list, int64_t n)
{
    char rule[96], synapses[STC_TEXT_SIZE], ends[128];
    if (n == 0) return;
    printf("\n%-*s %-*s %12s  %s\n", NAME_WIDTH, "synapses from -> to", RULE_WIDTH, "rule",
           "number", "delay, ms");
    for (int64_t i = 0; i < n; i++) {
        const stc_projection *p = &list[i].projection;
        snprintf(ends, sizeof ends, "%.60s -> %.60s", list[i].source, list[i].target);
        printf("%-*s %-*s %12s  %g", NAME_WIDTH, ends, RULE_WIDTH, rule_text(p, rule, sizeof rule),
               stc_text_count((int64_t)(stc_connect_expected(p) + 0.5), synapses),
               p->dt * (double)p->least);
        if (p->most > p->least) printf(" to %g", p->dt * (double)p->most);
        putchar('\n');
    }
}

void stc_info_projections_json(stc_json *out, const stc_info_projection *list, int64_t n)
{
    char rule[96];
    stc_json_open(out, "projections", '[');
    for (int64_t i = 0; i < n; i++) {
        const stc_projection *p = &list[i].projection;
        stc_json_open(out, NULL, '{');
        stc_json_string(out, "source", list[i].source);
        stc_json_string(out, "target", list[i].target);
        stc_json_string(out, "rule", rule_text(p, rule, sizeof rule));
        stc_json_real(out, "synapses", stc_connect_expected(p));
        stc_json_open(out, "delay_ms", '[');
        stc_json_real(out, NULL, p->dt * (double)p->least);
        stc_json_real(out, NULL, p->dt * (double)p->most);
        stc_json_close(out, ']');
        stc_json_close(out, '}');
    }
    stc_json_close(out, ']');
}
