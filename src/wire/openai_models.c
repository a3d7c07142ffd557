/* Model lists in OpenAI's shape: GET /models and /models/{id}. */
#include "dialect.h"
#include <string.h>

llm_fault llm_openai_write_model(const llm_model_entry *entry, llm_buf *out)
{
    llm_fault fault;

    if ((fault = llm_buf_puts(out, "{\"id\":"))
        || (fault = llm_buf_json(out, entry->id, strlen(entry->id)))
        || (fault = llm_buf_printf(out, ",\"object\":\"model\",\"created\":"
                                   "%lld,\"owned_by\":", entry->created))
        || (fault = llm_buf_json(out, entry->owner, strlen(entry->owner))))
        return fault;
    return llm_buf_puts(out, "}");
}

llm_fault llm_openai_write_models(const llm_model_entry *entries, int n,
                                  llm_buf *out)
{
    llm_fault fault = llm_buf_puts(out, "{\"object\":\"list\",\"data\":[");
    int i;

    for (i = 0; !fault && i < n; i++) {
        if (i)
            fault = llm_buf_puts(out, ",");
        if (!fault)
            fault = llm_openai_write_model(&entries[i], out);
    }
    return fault ? fault : llm_buf_puts(out, "]}\n");
}
