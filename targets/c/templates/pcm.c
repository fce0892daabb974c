
int {name}_process_s16({name} *net, void *scratch, const int16_t *pcm, int16_t *out)
{{
    if ({refused}) {{
        return -1;
    }}
    {{
        float *const x = (float *)(void *)((unsigned char *)scratch + {x}); /* [{hop}] */
        float *const y = (float *)(void *)((unsigned char *)scratch + {y}); /* [{hop}] */
        const {name}_inputs in = {{x}};
        {name}_outputs result;
        int status;
        result.{output} = y;
        for (int32_t i = 0; i < {hop}; i++) {{
            x[i] = (float)pcm[i] * (1.0f / 32768.0f);
        }}
        status = {name}_process(net, scratch, &in, &result);
        if (status != 0) {{
            return status;
        }}
        for (int32_t i = 0; i < {hop}; i++) {{
            const float v = y[i] * 32768.0f;
            const float low = v > -32768.0f ? v : -32768.0f;
            out[i] = (int16_t)ek_roundf1(low < 32767.0f ? low : 32767.0f);
        }}
    }}
    return 0;
}}
