/* codes.c - the list of codes, and the random numbers that they draw. */
#include "stc/code.h"

#include "stc/base.h"

#define CODE(name) extern const stc_code stc_code_##name;
#include "list.h"
#undef CODE

static const stc_code *const codes[] = {
#define CODE(name) &stc_code_##name,
#include "list.h"
#undef CODE
};

const stc_code *const *stc_codes(int *n)
{
    *n = (int)(sizeof codes / sizeof *codes);
    return codes;
}

int64_t stc_code_states(const stc_code *code, const double *params)
{
    return code->nstate ? code->nstate(params) : 0;
}

uint64_t stc_code_key(uint64_t seed, uint64_t node, int64_t sample)
{
    return stc_random_key(stc_random_key(seed, node), (uint64_t)sample);
}

void stc_code_draw(uint64_t key, int64_t step, int64_t n, int64_t first, int64_t stride,
                   uint32_t words[2][STC_CODE_PIECE])
{
    uint32_t low[STC_CODE_PIECE], high[STC_CODE_PIECE];
    for (int64_t i = 0; i < n; i++) {
        uint64_t id = (uint64_t)(first + i * stride);
        words[0][i] = (uint32_t)id;
        words[1][i] = (uint32_t)(id >> 32);
        low[i] = (uint32_t)step;
        high[i] = (uint32_t)((uint64_t)step >> 32);
    }
    stc_random_blocks(key, n, words[0], words[1], low, high);
}
