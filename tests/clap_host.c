/* A host for CLAP plug-ins: renders a recording in blocks of drawn lengths, in place and not, with events between, on
 * an audio thread, while its main thread asks for values and states.
 *
 *     clap_host PLUGIN RATE SEED IN OUT CHANNELS_IN CHANNELS_OUT [STATE_IN STATE_OUT] < events
 *
 * IN and OUT are float32, channel behind channel. An event is a line `frame id value`, by frames. It ends with 1 and a
 * line on stderr where the plug-in breaks a rule, and takes no memory in `process` (but under a sanitizer, which has
 * an allocator of its own). */
#define _GNU_SOURCE
#ifdef CLAP_OFFICIAL
#include <clap/clap.h>
#else
#include "clap_abi.h"
#endif
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 512
#define MOST_PORTS 8
#define MOST_EVENTS 4096

#define RULE(ok, ...) ((ok) ? (void)0 : (fprintf(stderr, __VA_ARGS__), fputc('\n', stderr), exit(1)))

static _Thread_local int in_process;
static atomic_int allocations;
#ifndef __SANITIZE_THREAD__
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void __libc_free(void *);
void *malloc(size_t n) { allocations += in_process; return __libc_malloc(n); }
void *calloc(size_t n, size_t m) { allocations += in_process; return __libc_calloc(n, m); }
void *realloc(void *p, size_t n) { allocations += in_process; return __libc_realloc(p, n); }
void free(void *p) { allocations += in_process; __libc_free(p); }
#endif

static pthread_t main_thread;
static int rescans;
static void CLAP_ABI rescan(const clap_host_t *host, uint32_t flags)
{
    (void)host;
    RULE(pthread_equal(pthread_self(), main_thread), "rescan on another thread");
    RULE(flags == CLAP_PARAM_RESCAN_VALUES, "rescan %u", flags);
    rescans++;
}
static void CLAP_ABI clear(const clap_host_t *host, clap_id id, uint32_t flags) { (void)host, (void)id, (void)flags; }
static void CLAP_ABI nothing(const clap_host_t *host) { (void)host; }
static const clap_host_params_t host_params = {rescan, clear, nothing};
static const void *CLAP_ABI host_extension(const clap_host_t *host, const char *id)
{
    (void)host;
    return strcmp(id, CLAP_EXT_PARAMS) == 0 ? &host_params : NULL;
}
static const clap_host_t host = {
    CLAP_VERSION_INIT, NULL, "test", "EdgeKit", "", "1", host_extension, nothing, nothing, nothing,
};

static clap_event_param_value_t events[MOST_EVENTS];
static uint32_t all_frames[MOST_EVENTS], event_count;
typedef struct {
    uint32_t first, count;
} part;
static uint32_t CLAP_ABI part_size(const clap_input_events_t *list) { return ((const part *)list->ctx)->count; }
static const clap_event_header_t *CLAP_ABI part_get(const clap_input_events_t *list, uint32_t index)
{
    return &events[((const part *)list->ctx)->first + index].header;
}
static bool CLAP_ABI no_push(const clap_output_events_t *list, const clap_event_header_t *event)
{
    (void)list, (void)event;
    return false;
}

typedef struct {
    const clap_plugin_t *plugin;
    float *in, *out;
    uint32_t frames, ports[2], channels[2][MOST_PORTS], all[2];
    unsigned seed;
    atomic_int done;
} job;

static void render(job *j, uint32_t at, uint32_t frames, uint32_t first, uint32_t count, int in_place)
{
    clap_audio_buffer_t buffers[2][MOST_PORTS] = {0};
    float *channels[2][MOST_PORTS * 2];
    part events_of = {first, count};
    const clap_input_events_t list = {&events_of, part_size, part_get};
    const clap_output_events_t sink = {NULL, no_push};
    clap_process_t process = {.steady_time = at, .frames_count = frames, .in_events = &list, .out_events = &sink};
    if (in_place) { /* outputs are the inputs' memory */
        for (uint32_t c = 0; c < j->all[0]; c++) {
            memcpy(j->out + c * j->frames + at, j->in + c * j->frames + at, frames * sizeof(float));
        }
    }
    for (int side = 0; side < 2; side++) {
        for (uint32_t i = 0, c = 0; i < j->ports[side]; c += j->channels[side][i++]) {
            buffers[side][i].channel_count = j->channels[side][i];
            buffers[side][i].data32 = &channels[side][c];
        }
        for (uint32_t c = 0; c < j->all[side]; c++) {
            channels[side][c] = (side == 0 && !in_place ? j->in : j->out) + c * j->frames + at;
        }
    }
    process.audio_inputs = buffers[0], process.audio_inputs_count = j->ports[0];
    process.audio_outputs = buffers[1], process.audio_outputs_count = j->ports[1];
    in_process = 1;
    const clap_process_status status = j->plugin->process(j->plugin, &process);
    in_process = 0;
    RULE(status == CLAP_PROCESS_CONTINUE, "process returned %d", status);
}

static void *audio(void *given)
{
    job *const j = given;
    RULE(j->plugin->start_processing(j->plugin), "start_processing failed");
    j->plugin->reset(j->plugin);
    for (uint32_t at = 0, next = 0; at < j->frames;) {
        uint32_t frames = (uint32_t)rand_r(&j->seed) % (MOST + 1), count = 0; /* 0 frames are legal */
        frames = frames < j->frames - at ? frames : j->frames - at;
        for (; next + count < event_count && all_frames[next + count] < at + frames; count++) {
            events[next + count].header.time = all_frames[next + count] - at;
        }
        render(j, at, frames, next, count, j->all[0] == j->all[1] && rand_r(&j->seed) % 2);
        at += frames, next += count;
    }
    j->plugin->stop_processing(j->plugin);
    j->done = 1;
    return NULL;
}

static uint8_t state[4096];
static uint64_t state_size, state_at;
static int64_t CLAP_ABI put(const clap_ostream_t *stream, const void *bytes, uint64_t size) /* 3 bytes at most at a time */
{
    (void)stream;
    size = size < 3 ? size : 3;
    RULE(state_size + size <= sizeof state, "the state has more than %zu bytes", sizeof state);
    memcpy(state + state_size, bytes, size);
    state_size += size;
    return (int64_t)size;
}
static int64_t CLAP_ABI take(const clap_istream_t *stream, void *bytes, uint64_t size)
{
    (void)stream;
    size = size < 5 ? size : 5;
    size = size < state_size - state_at ? size : state_size - state_at;
    memcpy(bytes, state + state_at, size);
    state_at += size;
    return (int64_t)size;
}
static const clap_ostream_t to_state = {NULL, put};
static const clap_istream_t from_state = {NULL, take};

static float *samples(const char *path, uint32_t channels, uint32_t *frames)
{
    FILE *const file = fopen(path, "rb");
    RULE(file != NULL, "no %s", path);
    fseek(file, 0, SEEK_END);
    const size_t count = (size_t)ftell(file) / sizeof(float);
    float *const all = malloc(count * sizeof(float) + 1);
    rewind(file);
    RULE(fread(all, sizeof(float), count, file) == count, "%s ends", path);
    fclose(file);
    *frames = (uint32_t)(count / channels);
    return all;
}

static void ports(const clap_plugin_t *plugin, job *j)
{
    const clap_plugin_audio_ports_t *const ext = plugin->get_extension(plugin, CLAP_EXT_AUDIO_PORTS);
    RULE(ext != NULL, "no audio ports");
    for (int side = 0; side < 2; side++) {
        clap_audio_port_info_t info;
        j->ports[side] = ext->count(plugin, side == 0);
        RULE(j->ports[side] <= MOST_PORTS && !ext->get(plugin, j->ports[side], side == 0, &info), "port beyond the last");
        for (uint32_t i = 0; i < j->ports[side]; i++) {
            RULE(ext->get(plugin, i, side == 0, &info), "no port %u", i);
            RULE((info.flags == CLAP_AUDIO_PORT_IS_MAIN) == (i == 0), "main port %u", i);
            printf("port %s %s %u %s\n", side == 0 ? "in" : "out", info.name, info.channel_count,
                   info.port_type == NULL ? "-" : info.port_type);
            j->channels[side][i] = info.channel_count;
            j->all[side] += info.channel_count;
        }
    }
}

static const clap_plugin_params_t *knobs(const clap_plugin_t *plugin)
{
    const clap_plugin_params_t *const ext = plugin->get_extension(plugin, CLAP_EXT_PARAMS);
    clap_param_info_t info;
    double value, read;
    char text[64];
    RULE(ext != NULL && !ext->get_info(plugin, ext->count(plugin), &info), "knob beyond the last");
    for (uint32_t i = 0; i < ext->count(plugin); i++) {
        RULE(ext->get_info(plugin, i, &info) && ext->get_value(plugin, info.id, &value), "no knob %u", i);
        RULE(value == info.default_value, "%s begins at %g", info.name, value);
        RULE(ext->value_to_text(plugin, info.id, value, text, sizeof text), "%s has no text", info.name);
        RULE(ext->text_to_value(plugin, info.id, text, &read) && read == value, "%s is not read", text);
        printf("knob %u %u %g %g %g %s\n", info.id, info.flags, info.min_value, info.max_value, info.default_value,
               info.name);
    }
    return ext;
}

int main(int argc, char **argv)
{
    job j = {0};
    RULE(argc == 8 || argc == 10, "usage: see the head of clap_host.c");
    const double rate = atof(argv[2]);
    const uint32_t channels[2] = {(uint32_t)atoi(argv[6]), (uint32_t)atoi(argv[7])};
    main_thread = pthread_self();
    unsigned frame;
    clap_id id;
    double value;
    for (; event_count < MOST_EVENTS && scanf("%u %u %lf", &frame, &id, &value) == 3; event_count++) {
        all_frames[event_count] = frame;
        events[event_count] = (clap_event_param_value_t){
            .header = {sizeof events[0], 0, CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_VALUE, 0},
            .param_id = id, .note_id = -1, .port_index = -1, .channel = -1, .key = -1, .value = value};
    }
    void *const library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    RULE(library != NULL, "%s", dlerror());
    const clap_plugin_entry_t *const entry = dlsym(library, "clap_entry");
    RULE(entry != NULL && entry->clap_version.major == 1 && entry->init(argv[1]), "no clap_entry");
    const clap_plugin_factory_t *const factory = entry->get_factory(CLAP_PLUGIN_FACTORY_ID);
    RULE(factory != NULL && entry->get_factory("another") == NULL, "no factory");
    RULE(factory->get_plugin_count(factory) == 1 && factory->get_plugin_descriptor(factory, 1) == NULL, "not one plug-in");
    const clap_plugin_descriptor_t *const told = factory->get_plugin_descriptor(factory, 0);
    printf("id %s\n", told->id);
    for (int i = 0; told->features[i] != NULL; i++) {
        printf("feature %s\n", told->features[i]);
    }
    RULE(factory->create_plugin(factory, &host, "another") == NULL, "made another plug-in");
    const clap_plugin_t *const plugin = factory->create_plugin(factory, &host, told->id);
    RULE(plugin != NULL && plugin->init(plugin), "no plug-in");
    RULE(plugin->get_extension(plugin, "clap.note-ports") == NULL, "note ports");
    ports(plugin, &j);
    RULE(j.all[0] == channels[0] && j.all[1] == channels[1], "other channels than told");
    const clap_plugin_params_t *const params = knobs(plugin);
    const clap_plugin_state_t *const states = plugin->get_extension(plugin, CLAP_EXT_STATE);
    const clap_plugin_latency_t *const latency = plugin->get_extension(plugin, CLAP_EXT_LATENCY);
    RULE(states != NULL && latency != NULL, "no state or latency");
    if (argc == 10 && strcmp(argv[8], "-") != 0) {
        FILE *const file = fopen(argv[8], "rb");
        state_size = fread(state, 1, sizeof state, file);
        fclose(file);
        printf("loaded %d\n", states->load(plugin, &from_state));
        RULE(rescans <= 1, "told %d times", rescans);
    }
    RULE(!plugin->activate(plugin, 1000, 1, MOST), "1 kHz");
    RULE(plugin->activate(plugin, rate, 1, MOST), "activate failed");
    printf("latency %u\n", latency->get(plugin));
    j.plugin = plugin;
    j.seed = (unsigned)atoi(argv[3]);
    j.in = samples(argv[4], channels[0], &j.frames);
    j.out = calloc((size_t)j.frames * channels[1] + 1, sizeof(float));
    pthread_t thread;
    pthread_create(&thread, NULL, audio, &j);
    while (!j.done) { /* what a window with knobs does meanwhile */
        for (uint32_t i = 0; i < params->count(plugin); i++) {
            RULE(params->get_value(plugin, i, &value), "no value");
        }
        state_size = 0;
        RULE(states->save(plugin, &to_state), "no state");
    }
    pthread_join(thread, NULL);
    RULE(allocations == 0, "process allocates %d times", allocations);
    plugin->deactivate(plugin);
    state_size = 0;
    RULE(states->save(plugin, &to_state), "no state");
    for (uint32_t i = 0; i < params->count(plugin); i++) {
        RULE(params->get_value(plugin, i, &value), "no value");
        printf("value %u %.9g\n", i, value);
    }
    if (argc == 10) {
        FILE *const file = fopen(argv[9], "wb");
        fwrite(state, 1, state_size, file);
        fclose(file);
    }
    plugin->destroy(plugin);
    entry->deinit();
    FILE *const file = fopen(argv[5], "wb");
    RULE(fwrite(j.out, sizeof(float), (size_t)j.frames * channels[1], file) == (size_t)j.frames * channels[1], "no room");
    fclose(file);
    printf("rendered %u\n", j.frames);
    return 0;
}
