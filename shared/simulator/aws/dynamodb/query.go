package dynamodb

import (
	"context"
	"slices"

	"github.com/linkersync/linkersync/shared/simulator/aws/dynamodb/attribute"
	"github.com/linkersync/linkersync/shared/simulator/aws/dynamodb/expression"
)

// maxPage is how much one query reads, in bytes, before it filters.
const maxPage = 1 << 20

type queryInput struct {
	TableName              string
	KeyConditionExpression *string
	FilterExpression       *string
	ProjectionExpression   *string
	placeholders
	ConsistentRead    bool
	ExclusiveStartKey attribute.Item
	Limit             *int
	ScanIndexForward  *bool
}

type queryOutput struct {
	Items            []attribute.Item `json:"Items"`
	Count            int              `json:"Count"`
	ScannedCount     int              `json:"ScannedCount"`
	LastEvaluatedKey attribute.Item   `json:"LastEvaluatedKey,omitempty"`
}

// parsedQuery is a query whose expressions are parsed.
type parsedQuery struct {
	key        *expression.KeyCondition
	filter     expression.Condition
	projection *expression.Projection
}

func (s *Service) query(_ context.Context, in queryInput) (*queryOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.find(in.TableName)
	if err != nil {
		return nil, err
	}
	if in.Limit != nil && *in.Limit < 1 {
		return nil, invalid("Limit must be greater than or equal to 1")
	}
	parsed, err := parseQuery(in, found)
	if err != nil {
		return nil, err
	}
	items := slices.Clone(found.partitions[parsed.key.Partition.Text])
	if in.ExclusiveStartKey != nil {
		if err := found.checkKey(in.ExclusiveStartKey); err != nil {
			return nil, invalid("The provided starting key is invalid: %v", err)
		}
	}
	if in.ScanIndexForward != nil && !*in.ScanIndexForward {
		slices.Reverse(items)
	}
	return found.read(in, parsed, items), nil
}

func parseQuery(in queryInput, t *table) (parsed parsedQuery, err error) {
	if in.KeyConditionExpression == nil {
		return parsed, invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
	}
	holders, err := expression.NewPlaceholders(in.ExpressionAttributeNames, in.ExpressionAttributeValues)
	if err != nil {
		return parsed, err
	}
	if parsed.key, err = expression.ParseKeyCondition(*in.KeyConditionExpression, t.partition.name, t.sort.name, holders); err != nil {
		return parsed, err
	}
	if parsed.key.Partition.Type != t.partition.attrType {
		return parsed, invalid("One or more parameter values were invalid: Condition parameter type does not match schema type")
	}
	if in.FilterExpression != nil {
		if parsed.filter, err = expression.ParseCondition("FilterExpression", *in.FilterExpression, holders); err != nil {
			return parsed, err
		}
	}
	if in.ProjectionExpression != nil {
		if parsed.projection, err = expression.ParseProjection(*in.ProjectionExpression, holders); err != nil {
			return parsed, err
		}
	}
	return parsed, holders.CheckUsed()
}

// read walks over the items of a partition. A page ends by its limit or its size;
// then there is a LastEvaluatedKey, even if nothing comes after it.
func (t *table) read(in queryInput, parsed parsedQuery, items []attribute.Item) *queryOutput {
	out := &queryOutput{Items: []attribute.Item{}}
	forward := in.ScanIndexForward == nil || *in.ScanIndexForward
	size := 0
	for _, item := range items {
		if in.ExclusiveStartKey != nil && !t.after(item, in.ExclusiveStartKey, forward) {
			continue
		}
		if parsed.key.Sort != nil && !parsed.key.Sort.Holds(item) {
			continue
		}
		out.ScannedCount++
		size += item.Size()
		if parsed.filter == nil || parsed.filter.Holds(item) {
			out.Items = append(out.Items, parsed.projection.Of(item))
		}
		if in.Limit != nil && out.ScannedCount == *in.Limit || size > maxPage {
			out.LastEvaluatedKey = t.keyOf(item)
			break
		}
	}
	out.Count = len(out.Items)
	return out
}

// after tells whether the item comes after the key, in the direction of the query.
func (t *table) after(item, key attribute.Item, forward bool) bool {
	if t.sort.name == "" {
		return false // the one item of the partition was the last
	}
	order := item[t.sort.name].Compare(key[t.sort.name])
	return forward && order > 0 || !forward && order < 0
}
