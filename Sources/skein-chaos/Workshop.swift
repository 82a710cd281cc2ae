import Foundation
import RunConfiguration

/// The directory of one call: `skein` with an engine beside it that starts workers where the nemesis wants them, the runs,
/// and what they print.
struct Workshop: Sendable {
    let path: String
    /// Of the build: what a user calls.
    let skein: String
    /// The same behind proxies.
    var disturbed: String { path + "/bin/skein" }

    /// - Parameter engines: the directory with `skein` and `skein-engine`.
    init(at path: String, engines: String) throws {
        self.path = path
        skein = engines + "/skein"
        let files = FileManager.default
        for name in ["skein", "skein-engine"] where !files.isExecutableFile(atPath: "\(engines)/\(name)") {
            throw Command.Failure(description: "no \(name) in \(engines); build it with: swift build -c release")
        }
        if files.fileExists(atPath: path) { try files.removeItem(atPath: path) }
        try files.createDirectory(atPath: path + "/bin/places", withIntermediateDirectories: true)
        // A copy, because `skein` looks for its engine beside itself and follows symbolic links.
        if (try? files.linkItem(atPath: skein, toPath: disturbed)) == nil {
            try files.copyItem(atPath: skein, toPath: disturbed)
        }
        let engine = path + "/bin/skein-engine"
        try Self.engine("\(engines)/skein-engine", places: path + "/bin/places")
            .write(toFile: engine, atomically: true, encoding: .utf8)
        try files.setAttributes([.posixPermissions: 0o755], ofItemAtPath: engine)
    }

    /// Where the workers of the next run find their peers. What has no place is started as always.
    func set(_ places: [String: WorkerPlace]) throws {
        let folder = path + "/bin/places"
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) { unlink("\(folder)/\(name)") }
        for (name, place) in places {
            try place.script.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
        }
    }

    /// `exec` all the way, so that the process that the supervisor started is the engine.
    private static func engine(_ real: String, places: String) -> String {
        """
        #!/bin/sh
        # Made by scripts/chaos: stands in for skein-engine, and starts workers behind proxies.
        name= previous=
        for word in "$@"; do
            [ "$previous" = --name ] && name=$word
            previous=$word
        done
        prefix= more=
        [ -n "$name" ] && [ -r "\(places)/$name" ] && . "\(places)/$name"
        exec $prefix "\(real)" "$@" $more
        """ + "\n"
    }

    /// Writes the configuration of a run of PPO alone.
    func file(_ configuration: RunConfiguration, steps: Int, directory name: String) throws -> (
        run: String, file: String
    ) {
        var run = configuration
        run.stages = [.ppo]
        run.runDirectory = "\(path)/\(name)"
        run.ppo.steps = steps
        run.evaluation.every = nil
        // Any port: other runs may have those of the file.
        run.coordinator.bind = "tcp://127.0.0.1:0"
        run.coordinator.status = "127.0.0.1:0"
        let file = "\(path)/\(name).yaml"
        try run.resolvedYAML().write(toFile: file, atomically: true, encoding: .utf8)
        return (run.runDirectory, file)
    }
}

/// Where one worker runs, and whom it takes for its peers.
struct WorkerPlace: Sendable {
    /// The coordinator, as the worker is to see it.
    var coordinator: Sockets.Place
    /// Stands before the command.
    var prefix = ""
    /// More words of the command.
    var more = ""

    fileprivate var script: String {
        "prefix='\(prefix)'\nmore='--coordinator tcp://\(coordinator) \(more)'\n"
    }
}
