package secretsmanager_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// TestOneOfManyWritersWins is the compare-and-swap that the store is built on.
func TestOneOfManyWritersWins(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.create(t, name, "start", "start")
	const writers = 20
	var won atomic.Int64
	var winner atomic.Value
	var group sync.WaitGroup
	for i := range writers {
		id := fmt.Sprintf("writer%d", i)
		group.Go(func() {
			if err := w.put(t, id, id, "STAGE"+id); err != nil {
				// Twenty labels are the limit, so some don't get that far.
				if code(err) != "LimitExceededException" {
					t.Error(err)
				}
				return
			}
			_, err := w.UpdateSecretVersionStage(t.Context(), &sdk.UpdateSecretVersionStageInput{
				SecretId: aws.String(name), VersionStage: aws.String(current), RemoveFromVersionId: token("start"), MoveToVersionId: token(id),
			})
			switch code(err) {
			case "":
				won.Add(1)
				winner.Store(id)
			case "InvalidParameterException":
			default:
				t.Error(err)
			}
		})
	}
	group.Wait()
	if won.Load() != 1 {
		t.Fatalf("%d writers moved the label from the same version", won.Load())
	}
	stages := w.stages(t)
	if stages[current] != winner.Load() || stages[previous] != "start" {
		t.Errorf("current is %s and previous %s, want %s and start", stages[current], stages[previous], winner.Load())
	}
}
