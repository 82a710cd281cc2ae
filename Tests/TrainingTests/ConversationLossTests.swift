import Foundation
import RunConfiguration
import Synchronization
import Testing
import Tokenizers

@testable import Training

/// A step at learning rate 0 reports the mean negative log-likelihood of exactly the learned tokens, which PyTorch and
/// transformers have computed for the same model. See make_conversation_fixtures.py.
@Suite(.serialized) struct ConversationLossTests {
    private struct Losses: Decodable { var all: Double; var last: Double }

    /// Keeps what a stage says.
    private final class Notes: ProgressReporter {
        let lines = Mutex<[String]>([])
        let losses = Mutex<[Double]>([])
        func report(_ progress: TrainingProgress) { losses.withLock { $0.append(progress.loss) } }
        func note(_ message: String) { lines.withLock { $0.append(message) } }
    }

    private static let folder = Bundle.module.bundleURL.appending(path: "Fixtures/conversations").path

    private func expected() throws -> Losses {
        try JSONDecoder().decode(Losses.self, from: Data(contentsOf: URL(filePath: Self.folder + "/expected.json")))
    }

    /// - Returns: the loss of the one step, and what was said.
    private func train(
        _ stage: Stage, _ data: String, _ keys: String = "", _ overrides: [String] = [], model: String? = nil,
        clock: String? = nil
    ) throws -> (loss: Double, notes: [String]) {
        let root = FileManager.default.temporaryDirectory.appending(path: "skein-conversations-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        let run = try RunConfiguration.parse(
            """
            run_directory: \(root.path)/run
            stages: [\(stage.rawValue)]
            models: {base: \(model ?? "\(Self.folder)/model")}
            data: {\(data)}
            \(stage.rawValue): {learning_rate: 0, epochs: 1, batch_size: 64, threads: 1\(keys)}
            """, overrides: overrides)
        try FileManager.default.createDirectory(atPath: run.runDirectory, withIntermediateDirectories: true)
        try clock?.write(toFile: run.runDirectory + "/clock.json", atomically: true, encoding: .utf8)
        let notes = Notes()
        try TrainingStages.run(stage, run, reporter: notes)
        let losses = notes.losses.withLock { $0 }
        return (try #require(losses.first), notes.lines.withLock { $0 })
    }

    private var rows: String { "sft: \(Self.folder)/rows.jsonl" }

    @Test func everyTurnOrTheLastIsLearned() throws {
        let expected = try expected()
        #expect(abs(try train(.sft, rows).loss - expected.all) < 1e-5)
        #expect(abs(try train(.sft, rows, ", loss: last").loss - expected.last) < 1e-5)
    }

    @Test func masksWithGapsHoldInPackedLinesAndSmallPieces() throws {
        let expected = try expected()
        #expect(abs(try train(.sft, rows, ", packing: true").loss - expected.all) < 1e-5)
        #expect(abs(try train(.sft, rows, ", token_budget: 1").loss - expected.all) < 1e-5)
    }

    @Test func heldOutLossCountsTheLearnedTokensAlone() throws {
        // Two copies of each row, so that what is held out has the loss of what is learned, when it is one row.
        let root = FileManager.default.temporaryDirectory.appending(path: "skein-held-\(UUID().uuidString).jsonl")
        defer { try? FileManager.default.removeItem(at: root) }
        let line = try #require(
            try String(contentsOfFile: Self.folder + "/rows.jsonl", encoding: .utf8).split(separator: "\n").first)
        try "\(line)\n\(line)\n".write(to: root, atomically: true, encoding: .utf8)
        let made = try train(.sft, "sft: \(root.path)", ", validation_fraction: 0.5, evaluate_every: 1")
        let note = try #require(made.notes.first { $0.contains("held-out loss") })
        let number = try #require(note.split(separator: " ").compactMap { Double($0) }.last)
        #expect(abs(number - made.loss) < 1e-5, "\(note)")
    }

    @Test func rowsTooLongAreNamedSkippedOrCut() throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "skein-long-\(UUID().uuidString).jsonl")
        defer { try? FileManager.default.removeItem(at: root) }
        let short = #"{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}"#
        let long = short.replacingOccurrences(of: "\"a\"", with: "\"\(String(repeating: "z! ", count: 300))\"")
        try "\(short)\n\(long)\n".write(to: root, atomically: true, encoding: .utf8)
        let data = "sft: \(root.path)"
        #expect { try train(.sft, data) } throws: {
            "\($0)".contains("\(root.path):2: ") && "\($0)".contains("the model's context of 256")
        }
        let bad = try train(.sft, data + ", on_error: skip")
        #expect(bad.notes.contains { $0.contains("1 bad") && $0.contains(":2: ") })
        let skipped = try train(.sft, data + ", too_long: skip")
        #expect(skipped.loss == bad.loss && skipped.notes.contains { $0.contains("1 too long") })
        let cut = try train(.sft, data + ", too_long: truncate")
        #expect(cut.loss != bad.loss && cut.notes.contains { $0.contains("1 cut to the limit") })
        let left = try train(.sft, data + ", too_long: truncate, truncate: left")
        #expect(left.loss != cut.loss)
    }

    @Test func aRowMayBeOneTokenLongerThanTheContext() throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "skein-edge-\(UUID().uuidString).jsonl")
        defer { try? FileManager.default.removeItem(at: root) }
        let encoder = try ConversationEncoder(Tokenizer(directory: Self.folder + "/model"))
        func row(_ count: Int) -> [ChatMessage] {
            let text = String(repeating: "z", count: count)
            return [ChatMessage(role: "user", content: text), ChatMessage(role: "assistant", content: "a")]
        }
        func tokens(_ count: Int) throws -> Int { try encoder.encode(.turns([]), .turns(row(count))).tokens.count }
        let fits = try #require(try (1..<257).first { try tokens($0) == 257 })
        func write(_ count: Int) throws {
            let line = JSONValue.object([.init("messages", .array(row(count).map(\.json)))]).json
            try (line + "\n").write(to: root, atomically: true, encoding: .utf8)
        }
        try write(fits)
        let plain = try train(.sft, "sft: \(root.path)").loss
        #expect(abs(try train(.sft, "sft: \(root.path)", ", packing: true").loss - plain) < 1e-5)
        try write(fits + 1)
        #expect { try train(.sft, "sft: \(root.path)") } throws: { "\($0)".contains(":1: 258 tokens are more than") }
    }

    @Test func pairsInAnyFormGiveTheSameLoss() throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "skein-pairs-\(UUID().uuidString).jsonl")
        defer { try? FileManager.default.removeItem(at: root) }
        let prompt = #"{"role":"user","content":"q"}"#
        let (a, b) = (#"{"role":"assistant","content":"a"}"#, #"{"role":"assistant","content":"b"}"#)
        func loss(_ line: String, _ keys: String = "") throws -> Double {
            try "\(line)\n".write(to: root, atomically: true, encoding: .utf8)
            return try train(
                .rewardModel, "preferences: \(root.path), preferences_validation: \(root.path)\(keys)",
                ", normalise: false"
            ).loss
        }
        let apart = try loss(#"{"prompt":[\#(prompt)],"chosen":[\#(a)],"rejected":[\#(b)]}"#)
        #expect(try loss(#"{"chosen":[\#(prompt),\#(a)],"rejected":[\#(prompt),\#(b)]}"#) == apart)
        #expect(try loss(#"{"prompt":"q","chosen":[\#(prompt),\#(a)],"rejected":[\#(prompt),\#(b)]}"#) == apart)
        #expect(try loss(#"{"prompt":"q","chosen":"a","rejected":"b"}"#) == apart)
        let long = String(repeating: "z! ", count: 300)
        let row = #"{"prompt":"\#(long)","chosen":"a","rejected":"b"}"#
        #expect { try loss(row) } throws: { "\($0)".contains("\(root.path):1: ") }
        #expect(try loss(row, ", too_long: truncate") != apart)
    }

    @Test func fewerThanFiftyCompletionsDoNotNormaliseRewards() throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "skein-few-\(UUID().uuidString).jsonl")
        defer { try? FileManager.default.removeItem(at: root) }
        func notes(pairs: Int) throws -> [String] {
            let lines = (0..<pairs).map { #"{"prompt":"q\#($0)","chosen":"yes \#($0)","rejected":"no"}"# }
            try (lines.joined(separator: "\n") + "\n").write(to: root, atomically: true, encoding: .utf8)
            return try train(.rewardModel, "preferences: \(root.path), preferences_validation: \(root.path)").notes
                .filter { $0.contains("not normalised") }
        }
        #expect(try notes(pairs: 24).count == 1)
        #expect(try notes(pairs: 25).isEmpty)
    }

    @Test func argumentsThatNoTemplateReadsAreRefused() throws {
        #expect { try train(.sft, rows + ", template_arguments: {enable_thinking: false}") } throws: {
            "\($0)".contains("data.template_arguments") && "\($0)".contains("enable_thinking")
        }
    }

    /// The loss of TRL's RewardTrainer: -log sigmoid(chosen - rejected - margin).
    @Test func marginsOfPairsEnterTheLoss() throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "skein-margin-\(UUID().uuidString).jsonl")
        defer { try? FileManager.default.removeItem(at: root) }
        func loss(_ more: String, _ keys: String = "") throws -> Double {
            try #"{"prompt":"q","chosen":"a","rejected":"b"\#(more)}"#.write(
                to: root, atomically: true, encoding: .utf8)
            return try train(
                .rewardModel, "preferences: \(root.path), preferences_validation: \(root.path)",
                ", normalise: false\(keys)"
            ).loss
        }
        let distance = -log(exp(try loss("")) - 1)
        func expected(_ margin: Double) -> Double { log(1 + exp(margin - distance)) }
        #expect(abs(try loss(#","margin":0.75"#) - expected(0.75)) < 1e-5)
        #expect(abs(try loss(#","margin":null"#) - expected(0)) < 1e-5)
        #expect(abs(try loss(#","margin":-2"#, ", margin: 0.5") - expected(-1.5)) < 1e-5)
    }

    /// A template prints the time at which the run was started, whenever its stages are computed.
    @Test func templatesPrintTheTimeOfTheRun() throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "skein-clock-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        func model(_ start: String) throws -> String {
            let copy = root.appending(path: UUID().uuidString)
            try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: Self.folder + "/model", toPath: copy.path)
            let template = try String(contentsOf: copy.appending(path: "chat_template.jinja"), encoding: .utf8)
            try (start + template).write(
                to: copy.appending(path: "chat_template.jinja"), atomically: true, encoding: .utf8)
            return copy.path
        }
        let printing = try model("{{ strftime_now('%Y-%m-%d %H:%M:%S') }}\n")
        let literal = try train(.sft, rows, model: try model("2001-09-09 01:46:40\n")).loss
        let clock = #"{"startedAtLocalTime": 1000000000}"#
        #expect(try train(.sft, rows, model: printing, clock: clock).loss == literal)
        #expect(try train(.sft, rows, model: printing).loss != literal)
    }
}
