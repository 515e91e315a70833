#include "mcucc_harness.h"

#include <string.h>

#include "harness_io.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define FORBID(address, bytes) __asan_poison_memory_region((address), (bytes))
#define ALLOW(address, bytes) __asan_unpoison_memory_region((address), (bytes))
#else
#define FORBID(address, bytes) ((void)(address), (void)(bytes))
#define ALLOW(address, bytes) ((void)(address), (void)(bytes))
#endif

/* These numbers are those of mcucc/sim/protocol.py. */
#define REQUEST_MAGIC 0x5152434Du
#define REPLY_MAGIC 0x5052434Du
#define RECORD_END 0u
#define RECORD_OUTPUT 1u
#define RECORD_TRACE 2u
#define RECORD_RUN 3u
#define RECORD_ERROR 4u

#define ERROR_REQUEST 1
#define ERROR_MEMORY 2
#define ERROR_STATUS 3
#define ERROR_STRAY_WRITE 4
#define ERROR_OUTSIDE 5
#define ERROR_PULL 6

#define EXIT_HARNESS 3
#define CANARY 0xC5u
#define WRITE_BUFFER_BYTES 256u

typedef struct {
    uint32_t magic;
    uint32_t samples;
    uint32_t sample_bytes;
    uint32_t paint;
    uint32_t placement;
} request_t;

static mcucc_harness_memory_t memory;
static request_t request;
static uint8_t buffer[WRITE_BUFFER_BYTES];
static uint32_t buffered;
static uint32_t pulled; /* rows of the sample that were asked for */
static uint32_t sample; /* number of the sample */

static void flush(void)
{
    if (mcucc_harness_io_write(buffer, buffered) != 0) {
        mcucc_harness_io_exit(EXIT_HARNESS);
    }
    buffered = 0u;
}

static void write_bytes(const void *from, uint32_t bytes)
{
    if (bytes > WRITE_BUFFER_BYTES - buffered) {
        flush();
    }
    if (bytes <= WRITE_BUFFER_BYTES) {
        memcpy(&buffer[buffered], from, bytes);
        buffered += bytes;
    } else if (mcucc_harness_io_write(from, bytes) != 0) {
        mcucc_harness_io_exit(EXIT_HARNESS);
    }
}

static void begin_record(uint32_t kind, uint32_t bytes)
{
    const uint32_t head[2] = {kind, bytes};
    write_bytes(head, sizeof head);
}

static void fail(int32_t error, int32_t where, int32_t detail)
{
    const int32_t body[3] = {error, where, detail};
    begin_record(RECORD_ERROR, sizeof body);
    write_bytes(body, sizeof body);
    flush();
    mcucc_harness_io_exit(EXIT_HARNESS);
}

void mcucc_harness_trace(int32_t tensor, int32_t y, int32_t x0, int32_t x1, const int8_t *pixels,
                   uint32_t bytes)
{
    const int32_t place[4] = {tensor, y, x0, x1};
    begin_record(RECORD_TRACE, (uint32_t)sizeof place + bytes);
    write_bytes(place, sizeof place);
    write_bytes(pixels, bytes);
}

/* Differs from byte to byte and from step to step, so that a stray copy is seen as well. */
static uint8_t dead_byte(int32_t step, uint32_t offset)
{
    return (uint8_t)(request.paint + 37u * offset + 101u * (uint32_t)step);
}

void mcucc_harness_step_begin(int32_t step, mcucc_harness_spans_t dead)
{
    for (uint32_t i = 0u; i < dead.count; i++) {
        const mcucc_harness_span_t span = dead.spans[i];
        for (uint32_t k = span.offset; k < span.offset + span.bytes; k++) {
            memory.arena[k] = dead_byte(step, k);
        }
        FORBID(&memory.arena[span.offset], span.bytes);
    }
}

void mcucc_harness_step_end(int32_t step, mcucc_harness_spans_t dead)
{
    for (uint32_t i = 0u; i < dead.count; i++) {
        const mcucc_harness_span_t span = dead.spans[i];
        ALLOW(&memory.arena[span.offset], span.bytes);
        for (uint32_t k = span.offset; k < span.offset + span.bytes; k++) {
            if (memory.arena[k] != dead_byte(step, k)) {
                fail(ERROR_STRAY_WRITE, step, (int32_t)k);
            }
        }
    }
}

static int is_in_arena(const uint8_t *p)
{
    return p >= memory.arena && p < memory.arena + mcucc_harness_network.arena_bytes;
}

/* What lies around the arena, and the arena but for what the run before left for this one. */
static void paint(uint32_t from)
{
    for (uint8_t *p = memory.low; p < memory.high; p++) {
        if (!is_in_arena(p)) {
            *p = (uint8_t)CANARY;
        }
    }
    for (uint32_t i = from; i < mcucc_harness_network.arena_bytes; i++) {
        memory.arena[i] = (uint8_t)request.paint;
    }
}

static void check_surroundings(void)
{
    for (const uint8_t *p = memory.low; p < memory.high; p++) {
        if (!is_in_arena(p) && *p != CANARY) {
            fail(ERROR_OUTSIDE, (int32_t)(p - memory.arena), 0);
        }
    }
}

static uint32_t touched_end(void)
{
    uint32_t end = mcucc_harness_network.arena_bytes;
    while (end > 0u && memory.arena[end - 1u] == (uint8_t)request.paint) {
        end--;
    }
    return end;
}

static void read_inputs(void)
{
    const mcucc_harness_spans_t inputs = mcucc_harness_network.inputs;
    for (uint32_t i = 0u; i < inputs.count; i++) {
        const mcucc_harness_span_t span = inputs.spans[i];
        if (mcucc_harness_io_read(&memory.arena[span.offset], span.bytes) != span.bytes) {
            fail(ERROR_REQUEST, 0, 0);
        }
        mcucc_harness_copy(&memory.arena[span.offset], &memory.arena[span.offset], span.bytes,
                     mcucc_harness_network.flip_in);
    }
}

void mcucc_harness_pull(int32_t y, uint8_t *to, uint32_t bytes)
{
    if (y != (int32_t)pulled || pulled == mcucc_harness_network.rows) {
        fail(ERROR_PULL, y, (int32_t)pulled);
    }
    pulled++;
    if (mcucc_harness_io_read(to, bytes) != bytes) {
        fail(ERROR_REQUEST, 0, 0);
    }
    mcucc_harness_copy(to, to, bytes, mcucc_harness_network.flip_in);
}

void mcucc_harness_pull_at(uint32_t offset, uint8_t *to, uint32_t bytes)
{
    const uint32_t begin = (uint32_t)sizeof request + (sample * request.sample_bytes);
    if (offset > request.sample_bytes || bytes > request.sample_bytes - offset ||
        mcucc_harness_io_seek(begin + offset) != 0 || mcucc_harness_io_read(to, bytes) != bytes) {
        fail(ERROR_REQUEST, 0, 0);
    }
    mcucc_harness_copy(to, to, bytes, mcucc_harness_network.flip_in);
}

static uint32_t sum_bytes(mcucc_harness_spans_t spans)
{
    uint32_t sum = 0u;
    for (uint32_t i = 0u; i < spans.count; i++) {
        sum += spans.spans[i].bytes;
    }
    return sum;
}

/* By way of a copy: outputs may share bytes, which must not be turned twice. */
static void write_values(const uint8_t *from, uint32_t bytes, uint8_t flip)
{
    uint8_t values[WRITE_BUFFER_BYTES];
    while (bytes > 0u) {
        const uint32_t count = bytes < WRITE_BUFFER_BYTES ? bytes : WRITE_BUFFER_BYTES;
        mcucc_harness_copy(values, from, count, flip);
        write_bytes(values, count);
        from += count;
        bytes -= count;
    }
}

static void write_outputs(void)
{
    const mcucc_harness_spans_t outputs = mcucc_harness_network.outputs;
    begin_record(RECORD_OUTPUT, sum_bytes(outputs));
    for (uint32_t i = 0u; i < outputs.count; i++) {
        const mcucc_harness_span_t span = outputs.spans[i];
        write_values(&memory.arena[span.offset], span.bytes, mcucc_harness_network.flip_out[i]);
    }
}

/* All samples are one sequence. */
static void begin_sequence(void)
{
    paint(0u);
    if (mcucc_harness_network.reset != 0) {
        const int status = mcucc_harness_network.reset(memory.arena);
        if (status != 0) {
            fail(ERROR_STATUS, status, 0);
        }
    }
}

static void run_sample(void)
{
    uint32_t observed[2];
    int status;

    paint(mcucc_harness_network.state_bytes);
    pulled = 0u;
    read_inputs();
    status = mcucc_harness_io_call(mcucc_harness_network.run, memory.arena, &observed[1]);
    if (status != 0) {
        fail(ERROR_STATUS, status, 0);
    }
    if (pulled != mcucc_harness_network.rows) {
        fail(ERROR_PULL, (int32_t)mcucc_harness_network.rows, (int32_t)pulled);
    }
    check_surroundings();
    observed[0] = touched_end();
    write_outputs();
    begin_record(RECORD_RUN, sizeof observed);
    write_bytes(observed, sizeof observed);
}

static void prepare(void)
{
    const uint32_t magic = REPLY_MAGIC;
    if (mcucc_harness_io_open() != 0) {
        mcucc_harness_io_exit(EXIT_HARNESS);
    }
    write_bytes(&magic, sizeof magic);
    if (mcucc_harness_io_read(&request, sizeof request) != sizeof request ||
        request.magic != REQUEST_MAGIC ||
        request.sample_bytes != mcucc_harness_network.sample_bytes) {
        fail(ERROR_REQUEST, 0, 0);
    }
    memory = mcucc_harness_io_memory(mcucc_harness_network.arena_bytes,
                                     mcucc_harness_network.arena_align, request.placement);
    if (memory.arena == NULL) {
        fail(ERROR_MEMORY, 0, 0);
    }
}

int main(void)
{
    prepare();
    begin_sequence();
    for (sample = 0u; sample < request.samples; sample++) {
        run_sample();
    }
    begin_record(RECORD_END, 0u);
    flush();
    mcucc_harness_io_exit(0);
    return 0;
}
