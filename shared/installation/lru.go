package installation

import "container/list"

// lru keeps the most recently used values up to a number. It is not safe for
// concurrent use.
type lru[V any] struct {
	size  int
	order *list.List // of lruItem[V], the latest in front
	items map[string]*list.Element
}

type lruItem[V any] struct {
	key   string
	value V
}

func newLRU[V any](size int) *lru[V] {
	return &lru[V]{size: size, order: list.New(), items: map[string]*list.Element{}}
}

func (l *lru[V]) get(key string) (value V, ok bool) {
	element, ok := l.items[key]
	if !ok {
		return value, false
	}
	l.order.MoveToFront(element)
	return element.Value.(lruItem[V]).value, true
}

func (l *lru[V]) put(key string, value V) {
	if element, ok := l.items[key]; ok {
		element.Value = lruItem[V]{key, value}
		l.order.MoveToFront(element)
		return
	}
	l.items[key] = l.order.PushFront(lruItem[V]{key, value})
	if l.order.Len() > l.size {
		l.drop(l.order.Back())
	}
}

func (l *lru[V]) remove(key string) {
	if element, ok := l.items[key]; ok {
		l.drop(element)
	}
}

func (l *lru[V]) drop(element *list.Element) {
	l.order.Remove(element)
	delete(l.items, element.Value.(lruItem[V]).key)
}
