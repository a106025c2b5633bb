/* Weights and delays that are drawn, and the arithmetic below them. */
#include "connecting.h"

static const stc_program program = {.seed = 11};

int main(void)
{
    (void)program;
    return 0;
}
