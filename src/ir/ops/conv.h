/* conv.h - convolutions in one or two dimensions, as one geometry. Everything is Local. */
#ifndef STC_IR_OPS_CONV_H
#define STC_IR_OPS_CONV_H

#include "stc/op.h"

/* Members as in the ACCUMULATE kernel; in one dimension the height is 1. */
typedef struct {
    int64_t channels, in_channels, groups;
    int64_t kernel[2], stride[2], padding[2], dilation[2], in_size[2], out_size[2];
} stc_conv;

/* Positions of a window along one axis; STC_ERR_INPUT when it is larger than the padded operand. */
int stc_window_count(const char *what, int64_t in, int64_t kernel, int64_t stride, int64_t padding,
                     int64_t dilation, int64_t *out);

/* The geometry of a conv1d (spatial 1) or conv2d (spatial 2) node, after infer. */
stc_conv stc_conv_geometry(const stc_node *node, const stc_node *operand, int spatial);

int stc_conv_infer(stc_node *node, const stc_node *operand, int spatial);
/* pad_values [in_channels] or NULL. */
int stc_conv_eval(const stc_node *node, const stc_eval *eval, int spatial, const float *pad_values);
int64_t stc_conv_macs(const stc_conv *conv);
int stc_conv_lower(const stc_conv *conv, stc_kernel *kernel);

#endif
