import Datasets
import Foundation
import LanguageModels
import Reports
package import RunConfiguration
import Tokenizers
import Torch

/// The stage evaluate: the only one that may read the gold score.
package enum EvaluationStage {
    private static let samplesShown = 8

    /// Writes `evaluation.json` into the run directory. Both models answer the same prompts with the same random keys.
    package static func run(_ run: RunConfiguration, reporter: any ProgressReporter) throws {
        try TorchRuntime.configure(threads: run.evaluation.threads)
        let file = try TrainingStages.required(
            run.data.evaluationPrompts ?? run.data.prompts, "data.evaluation_prompts")
        let start = try TrainingStages.required(run.models.policy, "models.policy")
        let device = Device(run.device) ?? .cpu
        let before = try CausalLM(directory: start, device: device)
        let encoder = try TextEncoder(directory: start, for: before.configuration, run)
        let rows = try encoder.prompts(file, limit: run.evaluation.prompts)
        if let summary = rows.summary { reporter.note("evaluate: \(summary)") }
        let prompts = rows.values.map(\.tokens)
        let after = try CausalLM(directory: run.policyDirectory, device: device)
        let reward = try run.models.reward.map {
            try EvaluationReward($0, encoder.encoder, run, device)
        }
        reporter.note("evaluate: \(prompts.count) held-out prompts")
        let old = try answers(before, prompts, encoder.tokenizer, run)
        let new = try answers(after, prompts, encoder.tokenizer, run)
        let texts = rows.values.map(\.text)
        func text(_ answer: [Int32]) -> String { encoder.tokenizer.decode(answer, skipSpecialTokens: true) }
        func gold(_ answers: [[Int32]]) -> [Double] {
            zip(texts, answers).map { GoldScore.score(prompt: $0, completion: text($1)) }
        }
        let scores = try reward.map { (old: try $0.score(rows.values, old), new: try $0.score(rows.values, new)) }
        // Both means are over the same prompts.
        let scored = prompts.indices.filter { scores?.old[$0] != nil && scores?.new[$0] != nil }
        if scores != nil, scored.count < prompts.count {
            reporter.note(
                "evaluate: \(prompts.count - scored.count) prompts have an answer beyond the reward model's context and do "
                    + "not count in the trained reward")
        }
        func side(_ answers: [[Int32]], _ gold: [Double], _ scores: [Float?]?) -> Evaluation.Side {
            let count = Double(max(1, answers.count))
            return Evaluation.Side(
                gold: gold.reduce(0, +) / count,
                reward: scored.reduce(0) { $0 + Double(scores?[$1] ?? 0) } / Double(max(1, scored.count)),
                length: answers.reduce(0) { $0 + Double($1.count) } / count)
        }
        let (oldGold, newGold) = (gold(old), gold(new))
        let wins = zip(oldGold, newGold).reduce(0.0) { $0 + ($1.1 > $1.0 ? 1 : $1.1 == $1.0 ? 0.5 : 0) }
        let evaluation = Evaluation(
            before: side(old, oldGold, scores?.old), after: side(new, newGold, scores?.new), prompts: prompts.count,
            goldWinRate: wins / Double(prompts.count),
            sequenceKL: try sequenceKL(after, run, prompts, new, device), klBudget: run.evaluation.klBudget,
            samples: (0..<min(samplesShown, prompts.count)).map {
                Evaluation.Sample(prompt: texts[$0], before: text(old[$0]), after: text(new[$0]))
            }, goldByStep: goldByStep(run.runDirectory + "/samples.jsonl"))
        let writer = JSONEncoder()
        writer.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try writer.encode(evaluation).write(to: URL(filePath: run.runDirectory + "/evaluation.json"), options: .atomic)
    }

    /// Mean gold score of the answers that `samples.jsonl` has of each step; a line that is cut short is left out.
    private static func goldByStep(_ path: String) -> [Int: Double] {
        struct Sample: Decodable { var step: Int; var prompt: String; var response: String }
        var scores: [Int: [Double]] = [:]
        for line in (FileManager.default.contents(atPath: path) ?? Data()).split(separator: UInt8(ascii: "\n")) {
            guard let sample = try? JSONDecoder().decode(Sample.self, from: Data(line)) else { continue }
            scores[sample.step, default: []].append(
                GoldScore.score(prompt: sample.prompt, completion: sample.response))
        }
        return scores.mapValues { $0.reduce(0, +) / Double($0.count) }
    }

    private static func answers(
        _ model: CausalLM, _ prompts: [[Int32]], _ tokenizer: Tokenizer, _ run: RunConfiguration
    ) throws -> [[Int32]] {
        let options = SamplingOptions(
            temperature: run.evaluation.temperature,
            maxNewTokens: run.evaluation.maxNewTokens ?? run.rollout.maxNewTokens,
            endTokens: tokenizer.answerEnds, stop: run.rollout.stop)
        return try stride(from: 0, to: prompts.count, by: 50).flatMap { from in
            let requests = (from..<min(from + 50, prompts.count)).map {
                GenerationRequest(tokens: prompts[$0], row: $0)
            }
            // A step that no training step has: its random numbers are its own.
            return try model.generate(
                requests, options, seed: run.seed, step: 1 << 30,
                decode: { tokenizer.decode($0, skipSpecialTokens: true) }
            ).map(\.tokens)
        }
    }

    /// Mean over the answers of sum log pi - log pi_ref.
    private static func sequenceKL(
        _ policy: CausalLM, _ run: RunConfiguration, _ prompts: [[Int32]], _ answers: [[Int32]], _ device: Device
    ) throws -> Double {
        let reference = try CausalLM(
            directory: try TrainingStages.required(run.models.reference, "models.reference"), device: device)
        let rows = zip(prompts, answers).map { $0 + $1 }
        let starts = prompts.map(\.count)
        let temperature = run.evaluation.temperature > 0 ? run.evaluation.temperature : 1
        let mine = try policy.logProbabilities(rows, scoredFrom: starts, temperature: temperature)
        let theirs = try reference.logProbabilities(rows, scoredFrom: starts, temperature: temperature)
        let sums = zip(mine, theirs).map { zip($0, $1).reduce(0.0) { $0 + Double($1.0 - $1.1) } }
        return sums.reduce(0, +) / Double(max(1, sums.count))
    }
}
