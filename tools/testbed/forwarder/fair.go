package main

import "sync"

const (
	flowsAt = 12 // bytes into an IPv4 header: both addresses, 8 bytes; the ports follow a header of 20
	flowsTo = 24
	quantum = 1514 // bytes a flow may send in its turn, one Ethernet frame, as fq_codel has it
)

// flow is one connection: two addresses and two ports.
type flow [flowsTo - flowsAt]byte

// fairQueue keeps a queue for each connection and lets them take turns by bytes (deficit round robin, Shreedhar and
// Varghese 1995), as the fair queueing of a router does: a short answer does not wait behind a long one.
type fairQueue struct {
	lock    sync.Mutex
	filled  sync.Cond
	waiting map[flow][][]byte
	deficit map[flow]float64
	turns   []flow // the connections that have something to send
	bytes   float64
}

func newFairQueue() *fairQueue {
	queue := &fairQueue{waiting: map[flow][][]byte{}, deficit: map[flow]float64{}}
	queue.filled.L = &queue.lock
	return queue
}

func flowOf(data []byte) (found flow) {
	if len(data) >= vnetHeader+flowsTo {
		copy(found[:], data[vnetHeader+flowsAt:])
	}
	return found
}

// put appends a packet to its connection's queue, or drops it when more than `most` bytes would wait (0: never).
func (q *fairQueue) put(data []byte, most float64) {
	of, size := flowOf(data), wireBytes(data)
	q.lock.Lock()
	defer q.lock.Unlock()
	if most > 0 && q.bytes+size > most {
		return
	}
	if len(q.waiting[of]) == 0 {
		q.turns = append(q.turns, of)
	}
	q.waiting[of] = append(q.waiting[of], data)
	q.bytes += size
	q.filled.Signal()
}

// take waits for a packet and returns the one whose turn it is.
func (q *fairQueue) take() []byte {
	q.lock.Lock()
	defer q.lock.Unlock()
	for len(q.turns) == 0 {
		q.filled.Wait()
	}
	for {
		of := q.turns[0]
		first := q.waiting[of][0]
		size := wireBytes(first)
		if len(q.turns) == 1 { // alone it owes nothing to anyone
			q.deficit[of] = size
		}
		if q.deficit[of] >= size {
			q.remove(of, size)
			return first
		}
		q.deficit[of] += quantum
		q.turns = append(q.turns[1:], of)
	}
}

// remove takes the first packet of a connection, which ends its turns when nothing is left.
func (q *fairQueue) remove(of flow, size float64) {
	q.bytes -= size
	if q.waiting[of] = q.waiting[of][1:]; len(q.waiting[of]) > 0 {
		q.deficit[of] -= size
		return
	}
	delete(q.waiting, of)
	delete(q.deficit, of)
	q.turns = q.turns[1:]
}
