import Datasets
import Foundation
import RunConfiguration
import RunInputs

extension Evaluator {
    /// Hash of all that decides the figures of a policy beside its files: equal for measurements that can be compared.
    /// Where a reward's model or server is does not count, what it is does, as far as files tell.
    package func basis() throws -> String {
        let hashes = FileHashes(keptIn: run.runDirectory)
        var record = InputRecord()
        let evaluation = run.evaluation
        try record.set("seed", to: run.seed)
        try record.set("arithmetic", to: run.isExact)
        try record.set("evaluation.samples", to: evaluation.samples)
        try record.set("evaluation.temperature", to: evaluation.temperature)
        try record.set("evaluation.max_new_tokens", to: evaluation.maxNewTokens ?? run.rollout.maxNewTokens)
        try record.set("rollout.stop", to: run.rollout.stop)
        // As they are after too_long, truncate, templates and the limit of their number.
        try record.set("prompts", to: prompts.map(\.tokens))
        try record.set("columns", to: prompts.map { [$0.text, $0.extra, $0.conversation] })
        for (index, reward) in rewards.enumerated() {
            var section = reward.section
            switch section.kind {
            case .model(var keys):
                if let path = keys.path { try record.add("rewards.\(index).path", model: path, hashes) }
                keys.path = nil
                section.kind = .model(keys)
            case .http(var keys):
                keys.url = ""
                keys.tokenVariable = nil
                (keys.batch, keys.timeout, keys.retries) = (0, 0, 0)
                section.kind = .http(keys)
            case .command(var keys):
                (keys.timeout, keys.retries) = (0, 0)
                section.kind = .command(keys)
            default: break
            }
            try record.set("rewards.\(index)", to: section.written)
        }
        return record.hash
    }
}
