import ArgumentParser
import Console
import Foundation

struct DrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Let a worker finish what it has and leave.")
    @Argument(help: "Name of the worker, as skein status shows it.") var name: String
    @OptionGroup var address: StatusAddress

    func run() async throws {
        let allowed = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "-._~"))
        let escaped = name.addingPercentEncoding(withAllowedCharacters: allowed) ?? name
        let answer = try await address.client().post("/v1/workers/\(escaped)/drain")
        Console.output(String(decoding: answer, as: UTF8.self))
    }
}

struct ScaleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scale", abstract: "Ask the supervisor of the run for another number of workers.")
    @Argument(help: "For example generator=4 scorer=2.") var wishes: [String]
    @OptionGroup var address: StatusAddress

    func run() async throws {
        var body: [String: Int] = [:]
        for wish in wishes {
            let parts = wish.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, ["generator", "scorer"].contains(parts[0]), let count = Int(parts[1]),
                (0...1024).contains(count)
            else { throw CommandError(.usage, "\(wish): write generator=N or scorer=N with N from 0 to 1024") }
            body[String(parts[0])] = count
        }
        let answer = try await address.client().post("/v1/scale", body: body)
        Console.output(String(decoding: answer, as: UTF8.self))
    }
}

struct PauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "pause", abstract: "Lease no new jobs.")
    @OptionGroup var address: StatusAddress
    func run() async throws {
        Console.output(String(decoding: try await address.client().post("/v1/pause"), as: UTF8.self))
    }
}

struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "resume", abstract: "Go on after a pause.")
    @OptionGroup var address: StatusAddress
    func run() async throws {
        Console.output(String(decoding: try await address.client().post("/v1/resume"), as: UTF8.self))
    }
}

struct StopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Stop the run after its last committed step.")
    @OptionGroup var address: StatusAddress
    func run() async throws {
        Console.output(String(decoding: try await address.client().post("/v1/stop"), as: UTF8.self))
    }
}
