import ClusterModel
import Console
import Foundation
import Keys

/// The processes of one measurement, in a directory of their own, which goes with them.
final class ClusterProcesses {
    let directory: String
    private let load: Load
    private var running: [Process] = []
    /// Kept open: a process ends when its own is closed.
    private var inputs: [Pipe] = []

    init(_ load: Load) throws {
        self.load = load
        directory = FileManager.default.temporaryDirectory.appending(path: "skein-bench-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        if load.isKeyed { try KeyDirectory("\(directory)/key-files").prepare() }
    }

    deinit {
        for process in running where process.isRunning { kill(process.processIdentifier, SIGKILL) }
        try? FileManager.default.removeItem(atPath: directory)
    }

    func start(_ role: String, coordinator: String = "") throws -> Process {
        guard let own = Bundle.main.executablePath else {
            throw CommandError(.failed, "bench: cannot tell where this executable lies")
        }
        let process = Process()
        process.executableURL = URL(filePath: own)
        let load = String(decoding: try JSONEncoder().encode(load), as: UTF8.self)
        process.arguments = [
            "part", role, "--directory", directory, "--load", load, "--coordinator", coordinator,
        ]
        let input = Pipe()
        inputs.append(input)
        process.standardInput = input
        process.standardOutput = FileHandle.standardError
        try process.run()
        running.append(process)
        return process
    }

    /// Starts a coordinator and waits until it listens: where, at which port its status is, and how long that took.
    func startCoordinator() async throws -> (process: Process, address: String, status: Int, seconds: Double) {
        let file = "\(directory)/\(CoordinatorPart.address)"
        try? FileManager.default.removeItem(atPath: file)
        let clock = ContinuousClock()
        let began = clock.now
        let process = try start("coordinator")
        while process.isRunning {
            if let address = try? String(contentsOfFile: file, encoding: .utf8),
                let port = try? String(contentsOfFile: "\(directory)/\(CoordinatorPart.status)", encoding: .utf8)
            {
                return (process, address, Int(port) ?? 0, (clock.now - began) / .seconds(1))
            }
            try await Task.sleep(for: .milliseconds(2))
        }
        throw CommandError(.failed, "bench: the coordinator does not start")
    }

    /// Peak of its resident set, megabytes.
    static func peak(of process: Process) -> Double {
        let text = try? String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
        let line = text?.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return (line?.split(separator: " ").dropFirst().first).flatMap { Double($0) }.map { $0 / 1024 } ?? 0
    }

    /// User and system time so far, seconds.
    static func processorTime(of process: Process) -> Double {
        let text = try? String(contentsOfFile: "/proc/\(process.processIdentifier)/stat", encoding: .utf8)
        // The name, in brackets, may hold anything; user and system time are the 12th and 13th field behind it.
        guard let fields = text?.split(separator: ")").last?.split(separator: " "), fields.count > 12 else { return 0 }
        return ((Double(fields[11]) ?? 0) + (Double(fields[12]) ?? 0)) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}
