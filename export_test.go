package accounts

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
