#include "tiny_weights.h"

const int8_t tiny_increments[8] = {1, 1, 1, 1, 1, 1, 1, 1};
