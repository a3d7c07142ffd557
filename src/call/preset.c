/* Addresses: each provider's own API reference, "OpenAI compatibility" where
 * OpenAI's is not the provider's first dialect. */
#include "preset.h"
#include <string.h>
#include "../wire/echo.h"

static const llm_preset presets[] = {
    { "openai", "openai", "https://api.openai.com/v1", 1, 0, "responses",
      NULL },
    { "anthropic", "anthropic", "https://api.anthropic.com/v1", 1, 0, NULL,
      NULL },
    { "gemini", "gemini", "https://generativelanguage.googleapis.com/v1beta",
      1, 0, NULL, NULL },
    /* Refuses members that it does not know, and sends usage unasked. */
    { "mistral", "openai", "https://api.mistral.ai/v1", 1, 1, NULL, NULL },
    { "groq", "openai", "https://api.groq.com/openai/v1", 1, 0, NULL, NULL },
    { "deepseek", "openai", "https://api.deepseek.com/v1", 1, 0, NULL, NULL },
    { "xai", "openai", "https://api.x.ai/v1", 1, 0, NULL, NULL },
    { "together", "openai", "https://api.together.xyz/v1", 1, 0, NULL, NULL },
    { "fireworks", "openai", "https://api.fireworks.ai/inference/v1", 1, 0,
      NULL, NULL },
    { "openrouter", "openai", "https://openrouter.ai/api/v1", 1, 0, NULL,
      NULL },
    { "ollama", "openai", "http://127.0.0.1:11434/v1", 0, 0, NULL, NULL },
    { "vllm", "openai", "http://127.0.0.1:8000/v1", 0, 0, NULL, NULL },
    { "echo", "openai", "echo:", 0, 0, NULL, &llm_echo_peer },
};

const llm_preset *llm_preset_find(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof presets / sizeof *presets; i++)
        if (!strcmp(presets[i].name, name))
            return &presets[i];
    return NULL;
}
