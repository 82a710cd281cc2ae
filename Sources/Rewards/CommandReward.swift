import Foundation
import Tokenizers

/// An external program that reads a JSON object a line and answers `{"score"}` a line, in order. It is kept alive between
/// calls and started again when it dies or does not answer in time; no shell is involved.
///
/// The object has `prompt` and `response`; `extra`, an object of the other columns of the prompt's line; `messages` when the
/// prompt is a conversation; and each of those columns by its own name too, unless it is one of these four.
package actor CommandReward: RewardFunction {
    package nonisolated let name: String
    private let argv: [String]
    private let timeout: Double
    private let retries: Int
    private var process: Process?
    private var input: FileHandle?
    private var output: FileHandle?
    private var rest = Data()

    package init(name: String, argv: [String], timeout: Double, retries: Int) {
        self.name = name
        self.argv = argv
        self.timeout = timeout
        self.retries = retries
    }

    package func score(_ inputs: [RewardInput]) async throws -> [Float?] {
        var values: [Float?] = []
        for item in inputs {
            var value: Float?
            for _ in 0...retries {
                if let answer = try ask(item) {
                    value = answer
                    break
                }
                stop()
            }
            values.append(value)
        }
        return values
    }

    private func ask(_ item: RewardInput) throws -> Float? {
        if process?.isRunning != true { try start() }
        struct Answer: Decodable { var score: Double }
        let line = Data((Self.question(item).json + "\n").utf8)
        guard let input, (try? input.write(contentsOf: line)) != nil, let answer = readLine(),
            let parsed = try? JSONDecoder().decode(Answer.self, from: answer), parsed.score.isFinite
        else { return nil }
        return Float(parsed.score)
    }

    static func question(_ item: RewardInput) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("prompt", .string(item.prompt)), .init("response", .string(item.response)),
            .init("extra", item.extra),
        ]
        if let messages = item.messages { members.append(.init("messages", messages)) }
        let taken: Set = ["prompt", "response", "extra", "messages"]
        members += (item.extra.members ?? []).filter { !taken.contains($0.key) }
        return JSONValue.object(members).finite
    }

    private func start() throws {
        guard let program = argv.first else { throw RewardError("reward \(name): argv is empty") }
        let process = Process()
        process.executableURL = URL(filePath: program.contains("/") ? program : "/usr/bin/env")
        process.arguments = program.contains("/") ? Array(argv.dropFirst()) : argv
        let (toChild, fromChild) = (Pipe(), Pipe())
        process.standardInput = toChild
        process.standardOutput = fromChild
        do {
            try process.run()
        } catch {
            throw RewardError("reward \(name): cannot start \(program): \(error.localizedDescription)")
        }
        self.process = process
        input = toChild.fileHandleForWriting
        output = fromChild.fileHandleForReading
        rest = Data()
    }

    /// The next line, or nil at the time-out and at the end of the program.
    private func readLine() -> Data? {
        guard let output else { return nil }
        let end = Date().addingTimeInterval(timeout)
        while true {
            if let newline = rest.firstIndex(of: UInt8(ascii: "\n")) {
                let line = Data(rest[..<newline])
                rest = Data(rest[rest.index(after: newline)...])
                return line
            }
            var item = pollfd(fd: output.fileDescriptor, events: Int16(POLLIN), revents: 0)
            let left = end.timeIntervalSinceNow
            guard left > 0, poll(&item, 1, Int32(clamping: Int(left * 1000) + 1)) > 0 else { return nil }
            let piece = output.availableData
            guard !piece.isEmpty, rest.count < 1 << 20 else { return nil }
            rest.append(piece)
        }
    }

    private func stop() {
        process?.terminate()
        process = nil
        try? input?.close()
        try? output?.close()
    }
}
