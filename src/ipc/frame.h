/* A history record as bytes in the ring of a status page. */
#pragma once

#include "core/history.h"
#include "ipc/ring.h"

/* Room for frame_decode(): it ends the texts of a damaged frame itself. */
#define FRAME_BUFFER_SIZE (RING_FRAME_MAX + 2u)

/* Writes the frame and returns its size. */
size_t frame_encode(const HistoryRecord *record, char frame[RING_FRAME_MAX]);

/*
 * Reads a frame of `size` bytes, which somebody may have written over: the texts come out as valid
 * UTF-8 of bounded length, an id that no table can have as 0.
 */
void frame_decode(char frame[FRAME_BUFFER_SIZE], size_t size, HistoryRecord *ret);

/* Writes the id of its row into the frame that lies in the ring at `at`. */
void frame_set_id(StatusPage *page, uint64_t at, int32_t id);
