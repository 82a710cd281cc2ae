import Foundation

/// The processes of one `skein run`, by the names that it gives them: coordinator, learner, generator-0 and so on.
enum Children {
    /// - Parameter parent: process id of `skein run`.
    static func of(_ parent: Int32) -> [String: Int32] {
        let folder = "/proc/\(parent)/task"
        var found: [String: Int32] = [:]
        for thread in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
            let list = (try? String(contentsOfFile: "\(folder)/\(thread)/children", encoding: .utf8)) ?? ""
            for pid in list.split(separator: " ").compactMap({ Int32($0) }) {
                if let name = name(of: pid) { found[name] = pid }
            }
        }
        return found
    }

    private static func name(of pid: Int32) -> String? {
        guard let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else { return nil }
        let words = line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        guard words.contains("--supervised") else { return nil }
        if words.dropFirst().first == "coordinator" { return "coordinator" }
        guard let index = words.firstIndex(of: "--name"), index + 1 < words.count else { return nil }
        return words[index + 1]
    }
}
