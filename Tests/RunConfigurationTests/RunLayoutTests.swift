import Foundation
import RunLayout
import Testing

@Suite struct RunLayoutTests {
    /// Runs that were started by earlier versions go on, so that no name may change.
    @Test func namesStay() {
        let layout = RunLayout("/r")
        #expect(layout[.journal] == "/r/journal.sqlite" && layout[.commandLock] == "/r/run.lock")
        #expect(layout[.runFile] == "/r/run.yaml" && layout[.startRecord] == "/r/from.json")
        #expect(layout.log(of: "learner") == "/r/logs/learner.log")
        #expect(layout.checkpoint(12).path == "/r/checkpoints/step-000012")
        #expect(layout.inspection(3).path == "/r/inspect/step-3.jsonl")
        #expect(layout.policyWeights == "/r/policy/model.safetensors")
        #expect(layout.bestRecord == "/r/policy-best/best.json")
        #expect(layout.rewardModelState == "/r/reward-model/stage.json")
        #expect(layout.earlierPolicy(4) == "/r/policy-step-4")
        #expect(RunLayout.partial(layout.url(.sft)).path == "/r/.sft.partial")
        #expect(RunLayout.stageCheckpoints(of: layout.url(.sft)).path == "/r/.sft.checkpoints")
        #expect(RunLayout(URL(filePath: "/r/", directoryHint: .isDirectory))[.policy] == "/r/policy")
    }

    @Test func checkpointsAreNumberedSoThatTheirNamesSort() {
        for step in [0, 7, 999_999, 1_000_000] {
            #expect(RunLayout.checkpointStep(RunLayout.checkpointName(step)) == step)
        }
        for name in [
            "step--1", "step-", "step-1.partial", ".step-000001.partial", "other-1", "step-99999999999999999999",
        ] {
            #expect(RunLayout.checkpointStep(name) == nil, "\(name)")
        }
    }

    @Test func aFreshStartTakesWhatPPOMadeAndNothingElse() {
        for name in ["journal.sqlite-wal", "policy-step-3", "policy-best", "start", "logs"] {
            #expect(RunLayout.belongsToPPO(name), "\(name)")
        }
        for name in ["run.lock", "run.yaml", "sft", "reward-model", "pretrained", "clock.json", "my-policy"] {
            #expect(!RunLayout.belongsToPPO(name), "\(name)")
        }
    }
}
