/* The declarations of CLAP 1.2 that a plug-in of sound with knobs uses, as its specification names and lays them out
 * (github.com/free-audio/clap, whose headers may stand in for this file). Written by EdgeKit, which compares sizes,
 * offsets, numbers and identifiers with those headers by `python bench clap_abi CHECKOUT`. */
#ifndef EDGEKIT_CLAP_ABI_H
#define EDGEKIT_CLAP_ABI_H

#include <stdbool.h>
#include <stdint.h>

#if defined _WIN32
#define CLAP_ABI __cdecl
#define CLAP_EXPORT __declspec(dllexport)
#else
#define CLAP_ABI
#define CLAP_EXPORT __attribute__((visibility("default")))
#endif

#define CLAP_VERSION_INIT {1, 2, 0}
#define CLAP_PLUGIN_FACTORY_ID "clap.plugin-factory"
#define CLAP_PLUGIN_FEATURE_AUDIO_EFFECT "audio-effect"
#define CLAP_EXT_AUDIO_PORTS "clap.audio-ports"
#define CLAP_EXT_LATENCY "clap.latency"
#define CLAP_EXT_PARAMS "clap.params"
#define CLAP_EXT_STATE "clap.state"
#define CLAP_PORT_MONO "mono"
#define CLAP_PORT_STEREO "stereo"

enum { CLAP_NAME_SIZE = 256, CLAP_PATH_SIZE = 1024 };
enum { CLAP_PROCESS_ERROR = 0, CLAP_PROCESS_CONTINUE = 1 };
enum { CLAP_CORE_EVENT_SPACE_ID = 0, CLAP_EVENT_PARAM_VALUE = 5 };
enum { CLAP_AUDIO_PORT_IS_MAIN = 1 << 0 };
enum { CLAP_PARAM_IS_STEPPED = 1 << 0, CLAP_PARAM_IS_BYPASS = 1 << 4, CLAP_PARAM_IS_AUTOMATABLE = 1 << 5 };
enum { CLAP_PARAM_RESCAN_VALUES = 1 << 0 };

typedef uint32_t clap_id;
typedef int32_t clap_process_status;
#define CLAP_INVALID_ID UINT32_MAX

typedef struct clap_version {
    uint32_t major, minor, revision;
} clap_version_t;

typedef struct clap_host {
    clap_version_t clap_version;
    void *host_data;
    const char *name, *vendor, *url, *version;
    const void *(CLAP_ABI *get_extension)(const struct clap_host *, const char *id);
    void(CLAP_ABI *request_restart)(const struct clap_host *);
    void(CLAP_ABI *request_process)(const struct clap_host *);
    void(CLAP_ABI *request_callback)(const struct clap_host *);
} clap_host_t;

typedef struct clap_event_header {
    uint32_t size, time;
    uint16_t space_id, type;
    uint32_t flags;
} clap_event_header_t;

typedef struct clap_event_param_value {
    clap_event_header_t header;
    clap_id param_id;
    void *cookie;
    int32_t note_id;
    int16_t port_index, channel, key;
    double value;
} clap_event_param_value_t;

typedef struct clap_input_events {
    void *ctx;
    uint32_t(CLAP_ABI *size)(const struct clap_input_events *);
    const clap_event_header_t *(CLAP_ABI *get)(const struct clap_input_events *, uint32_t index);
} clap_input_events_t;

typedef struct clap_output_events {
    void *ctx;
    bool(CLAP_ABI *try_push)(const struct clap_output_events *, const clap_event_header_t *);
} clap_output_events_t;

typedef struct clap_audio_buffer {
    float **data32;
    double **data64;
    uint32_t channel_count, latency;
    uint64_t constant_mask;
} clap_audio_buffer_t;

struct clap_event_transport;

typedef struct clap_process {
    int64_t steady_time;
    uint32_t frames_count;
    const struct clap_event_transport *transport;
    const clap_audio_buffer_t *audio_inputs;
    clap_audio_buffer_t *audio_outputs;
    uint32_t audio_inputs_count, audio_outputs_count;
    const clap_input_events_t *in_events;
    const clap_output_events_t *out_events;
} clap_process_t;

typedef struct clap_plugin_descriptor {
    clap_version_t clap_version;
    const char *id, *name, *vendor, *url, *manual_url, *support_url, *version, *description;
    const char *const *features;
} clap_plugin_descriptor_t;

typedef struct clap_plugin {
    const clap_plugin_descriptor_t *desc;
    void *plugin_data;
    bool(CLAP_ABI *init)(const struct clap_plugin *);
    void(CLAP_ABI *destroy)(const struct clap_plugin *);
    bool(CLAP_ABI *activate)(const struct clap_plugin *, double rate, uint32_t least_frames, uint32_t most_frames);
    void(CLAP_ABI *deactivate)(const struct clap_plugin *);
    bool(CLAP_ABI *start_processing)(const struct clap_plugin *);
    void(CLAP_ABI *stop_processing)(const struct clap_plugin *);
    void(CLAP_ABI *reset)(const struct clap_plugin *);
    clap_process_status(CLAP_ABI *process)(const struct clap_plugin *, const clap_process_t *);
    const void *(CLAP_ABI *get_extension)(const struct clap_plugin *, const char *id);
    void(CLAP_ABI *on_main_thread)(const struct clap_plugin *);
} clap_plugin_t;

typedef struct clap_plugin_factory {
    uint32_t(CLAP_ABI *get_plugin_count)(const struct clap_plugin_factory *);
    const clap_plugin_descriptor_t *(CLAP_ABI *get_plugin_descriptor)(const struct clap_plugin_factory *, uint32_t index);
    const clap_plugin_t *(CLAP_ABI *create_plugin)(const struct clap_plugin_factory *, const clap_host_t *, const char *id);
} clap_plugin_factory_t;

typedef struct clap_plugin_entry {
    clap_version_t clap_version;
    bool(CLAP_ABI *init)(const char *path);
    void(CLAP_ABI *deinit)(void);
    const void *(CLAP_ABI *get_factory)(const char *id);
} clap_plugin_entry_t;

typedef struct clap_audio_port_info {
    clap_id id;
    char name[CLAP_NAME_SIZE];
    uint32_t flags, channel_count;
    const char *port_type;
    clap_id in_place_pair;
} clap_audio_port_info_t;

typedef struct clap_plugin_audio_ports {
    uint32_t(CLAP_ABI *count)(const clap_plugin_t *, bool is_input);
    bool(CLAP_ABI *get)(const clap_plugin_t *, uint32_t index, bool is_input, clap_audio_port_info_t *);
} clap_plugin_audio_ports_t;

typedef struct clap_param_info {
    clap_id id;
    uint32_t flags;
    void *cookie;
    char name[CLAP_NAME_SIZE], module[CLAP_PATH_SIZE];
    double min_value, max_value, default_value;
} clap_param_info_t;

typedef struct clap_plugin_params {
    uint32_t(CLAP_ABI *count)(const clap_plugin_t *);
    bool(CLAP_ABI *get_info)(const clap_plugin_t *, uint32_t index, clap_param_info_t *);
    bool(CLAP_ABI *get_value)(const clap_plugin_t *, clap_id, double *value);
    bool(CLAP_ABI *value_to_text)(const clap_plugin_t *, clap_id, double value, char *text, uint32_t size);
    bool(CLAP_ABI *text_to_value)(const clap_plugin_t *, clap_id, const char *text, double *value);
    void(CLAP_ABI *flush)(const clap_plugin_t *, const clap_input_events_t *, const clap_output_events_t *);
} clap_plugin_params_t;

typedef struct clap_host_params {
    void(CLAP_ABI *rescan)(const clap_host_t *, uint32_t flags);
    void(CLAP_ABI *clear)(const clap_host_t *, clap_id, uint32_t flags);
    void(CLAP_ABI *request_flush)(const clap_host_t *);
} clap_host_params_t;

typedef struct clap_plugin_latency {
    uint32_t(CLAP_ABI *get)(const clap_plugin_t *);
} clap_plugin_latency_t;

typedef struct clap_istream {
    void *ctx;
    int64_t(CLAP_ABI *read)(const struct clap_istream *, void *bytes, uint64_t size);
} clap_istream_t;

typedef struct clap_ostream {
    void *ctx;
    int64_t(CLAP_ABI *write)(const struct clap_ostream *, const void *bytes, uint64_t size);
} clap_ostream_t;

typedef struct clap_plugin_state {
    bool(CLAP_ABI *save)(const clap_plugin_t *, const clap_ostream_t *);
    bool(CLAP_ABI *load)(const clap_plugin_t *, const clap_istream_t *);
} clap_plugin_state_t;

#endif
