import ClusterModel
import Datasets
import Foundation

@testable import RunConfiguration
@testable import Tokenizers

enum DataInputs {
    static func json(_ bytes: [UInt8]) throws {
        if let value = try Finding.refusing({ $0 is JSONProblem }, { try JSONValue(line: bytes) }) {
            let text = value.finite.json
            guard let back = try? JSONValue(line: Array(text.utf8)) else {
                throw Finding("JSON that was read is refused once it is written: \(text)")
            }
            try Finding.expect(back == value.finite, "JSON changes when it is written and read again: \(text)")
        }
        _ = try Finding.refusing({ $0 is TokenizerError }) { try JSONParser.parse(bytes, file: "file.json") }
    }

    static func lines(_ bytes: [UInt8]) throws {
        let path = "\(JournalInputs.folder)/lines.jsonl"
        try Data(bytes).write(to: URL(filePath: path))
        try rows(TextRow.self, path)
        try rows(PromptRow.self, path)
        try rows(DemonstrationRow.self, path)
        try rows(PreferenceRow.self, path)
        try rows(ScoreRow.self, path)
        try rows(AnswersRow.self, path)
    }

    private static func rows<Row: DatasetRow>(_ row: Row.Type, _ path: String) throws {
        // The other rule ends at the first bad line.
        _ = try Finding.refusing({ $0 is DatasetError }) {
            try LoadedRows<Row>.read(path: path, onBadLine: .skip, longest: 1 << 20)
        }
    }

    /// Parts: a run file, and lines of `key=value`. A good one, with every default filled in, is the same again.
    static func yaml(_ bytes: [UInt8]) throws {
        let parts = ByteReader.parts(bytes)
        let text = String(decoding: parts[0], as: UTF8.self)
        let overrides = parts.dropFirst().map { String(decoding: $0, as: UTF8.self) }
        let isExpected = { (error: any Error) in error is ConfigurationError }
        guard
            let run = try Finding.refusing(
                isExpected, { try RunConfiguration.parse(text, overrides: Array(overrides)) })
        else { return }
        _ = run.warnings()
        _ = try Finding.refusing(isExpected) { try run.check() }
        let resolved = run.resolvedYAML()
        guard let back = try? RunConfiguration.parse(resolved) else {
            throw Finding("a run file is refused once its defaults are filled in:\n\(resolved)")
        }
        try Finding.expect(back == run, "a run file changes when its defaults are filled in:\n\(resolved)")
        let setups = run.setups()
        try Finding.expect(RunConfiguration(setups.learner) == run, "a run file changes on the way to the learner")
        let rewards = try setups.scorer.rewards.map { try RewardSection($0) }
        try Finding.expect(rewards == run.rewards, "rewards change on the way to scorers")
    }
}
