
{signature}
{{
    static const uint32_t in_bytes[{ins}] = {{{in_bytes}}}, out_bytes[{outs}] = {{{out_bytes}}};
    const void *const given[{ins}] = {{{given}}};
    void *made[{outs}]{made};
    int status;
    if (net == NULL || net != ek_recorded{missing}) {{
        return {name}_process_s16_alone(net, scratch, {arguments});
    }}
{filled}    ek_record_begin(net, EK_RECORD_SHORT, {size}u, given, in_bytes, {ins});
    status = {name}_process_s16_alone(net, scratch, {arguments});
    return ek_record_end(net, status, given, in_bytes, {ins}, made, out_bytes, {outs});
}}
