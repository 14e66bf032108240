package main

import "testing"

// frame makes a packet of one segment of so many bytes of IP, from a port of its own.
func frame(port byte, size int) []byte {
	data := make([]byte, vnetHeader+size)
	data[vnetHeader+21] = port
	return data
}

func TestConnectionsTakeTurnsByBytes(t *testing.T) {
	queue := newFairQueue()
	for range 100 {
		queue.put(frame(1, 1500), 0)
	}
	for range 300 {
		queue.put(frame(2, 500), 0)
	}
	sent := map[byte]int{}
	for sent[1]+sent[2] < 60_000 { // of 300,000 bytes, so both always have something waiting
		data := queue.take()
		sent[data[vnetHeader+21]] += len(data) - vnetHeader
	}
	if difference := sent[1] - sent[2]; difference < -3000 || difference > 3000 {
		t.Errorf("one connection sent %d bytes, the other %d", sent[1], sent[2])
	}
}

func TestShortAnswerDoesNotWaitBehindALongOne(t *testing.T) {
	queue := newFairQueue()
	for range 100 {
		queue.put(frame(1, 1500), 0)
	}
	for range 10 { // a long lead of the first owes the second nothing, and the other way round
		queue.take()
	}
	queue.put(frame(2, 1500), 0)
	for turn := range 3 {
		if queue.take()[vnetHeader+21] == 2 {
			return
		}
		if turn == 2 {
			t.Error("the second connection did not have its turn among the next three")
		}
	}
}

func TestWhatDoesNotFitIsDropped(t *testing.T) {
	queue := newFairQueue()
	queue.put(frame(1, 1000), 2500)
	queue.put(frame(2, 1000), 2500)
	queue.put(frame(3, 1000), 2500)
	if queue.take()[vnetHeader+21] != 1 || queue.take()[vnetHeader+21] != 2 || len(queue.turns) != 0 {
		t.Error("two of three packets fit into the queue")
	}
}
