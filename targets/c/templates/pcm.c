
{signature}
{{
    if ({refused}) {{
        return -1;
    }}
    {{
{blocks}
        const {name}_inputs in = {{{inputs}}};
        {name}_outputs result;
        int status;
{outputs}
{read}
        status = {name}_process(net, scratch, &in, &result);
        if (status != 0) {{
            return status;
        }}
{write}
    }}
    return 0;
}}
