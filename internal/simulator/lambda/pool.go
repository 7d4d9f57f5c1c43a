package lambda

// acquire returns an environment that is idle, or one that is yet to be spawned,
// and counts the invocation as work.
func (r *Runtime) acquire() (*environment, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return nil, ErrStopped
	}
	for len(r.idle) > 0 {
		// The one that worked last is the warmest; AWS picks so, too, and lets the
		// others age.
		env := r.idle[len(r.idle)-1]
		r.idle = r.idle[:len(r.idle)-1]
		if env.alive() {
			r.work.Add(1)
			return env, nil
		}
		delete(r.all, env)
	}
	if len(r.all) >= r.function.Concurrency {
		r.stats.throttled()
		return nil, ErrThrottled
	}
	env := newEnvironment(r)
	r.all[env] = struct{}{}
	r.work.Add(1)
	return env, nil
}

// replace returns a fresh environment in the place of one that died while it was
// idle.
func (r *Runtime) replace(dead *environment) *environment {
	env := newEnvironment(r)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, dead)
	r.all[env] = struct{}{}
	if r.stopped {
		env.reason = ErrStopped
	}
	return env
}

// release takes an environment back: to the idle ones when it lives.
func (r *Runtime) release(env *environment, alive bool) {
	r.mu.Lock()
	keep := alive && !r.stopped
	if keep {
		r.idle = append(r.idle, env)
	} else {
		delete(r.all, env)
	}
	r.mu.Unlock()
	if !keep {
		env.stop(ErrStopped)
	}
}
