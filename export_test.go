package accounts

import ()

// Waiting returns how many callers wait for the portfolio's leader to record something.
func Waiting(p *Portfolio) int {
	p.queue.mu.Lock()
	defer p.queue.mu.Unlock()
	n := 0
	for _, cmd := range p.queue.waiting {
		if cmd.facts != nil {
			n++
		}
	}
	return n
}

// Reencode reads an entry's payload and writes it again.
func Reencode(e *Entry) ([]byte, error) {
	p, err := decodePayload(e.Kind, e.Payload)
	if err != nil {
		return nil, err
	}
	return encodePayload(nil, p), nil
}
