import Foundation
import Tokenizers

@testable import Rewards

enum RewardInputs {
    /// Parts: an answer, a label, a regular expression.
    static func math(_ bytes: [UInt8]) throws {
        let parts = ByteReader.parts(bytes).map { String(decoding: $0, as: UTF8.self) }
        let label = parts.count > 1 ? parts[1] : parts[0]
        let reward = MathReward(name: "math", answerKey: "answer", matchScore: 1, missScore: 0)
        let input = RewardInput(
            prompt: "", response: parts[0], tokens: 1, extra: .object([.init("answer", .string(label))]))
        let values = reward.score([input])
        try Finding.expect(values.count == 1, "one answer has \(values.count) scores")
        // Longer ones are no results.
        if parts[0].utf8.count < 2000, label.utf8.count < 2000 {
            _ = MathResult(parts[0]).equals(MathResult(label))
        }
        guard parts.count > 2 else { return }
        _ = try Finding.refusing({ $0 is RewardError }) {
            try RegexReward(name: "regex", pattern: parts[2], matchScore: 1, missScore: 0)
        }
    }

    static func answer(_ bytes: [UInt8]) throws {
        for format in [RewardFormat.plain(labelKey: "label"), .openai(model: nil), .sglang(model: nil)] {
            for count in [1, 3] {
                let scores = try Finding.refusing({ $0 is RewardError }) {
                    try format.scores(Data(bytes), count: count)
                }
                guard let scores else { continue }
                try Finding.expect(
                    scores.values.count == count && scores.values.allSatisfy { $0?.isFinite ?? true },
                    "\(scores.values) for \(count) answers")
            }
        }
        let answer = CommandAnswer(line: bytes)
        try Finding.expect(answer?.score?.isFinite ?? true, "a program's score is \(answer?.score ?? 0)")
    }
}
