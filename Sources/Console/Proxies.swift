import Foundation

/// Requests to this machine never go through a proxy, which would see the token and the prompts of the run.
package enum Proxies {
    private static let thisMachine = ["localhost", "127.0.0.1", "::1", "127.0.0.0/8"]

    /// Adds this machine to `no_proxy`, which libcurl reads for each request of URLSession (it does not honour the
    /// session's own dictionary of proxies on Linux) and which the processes of the run inherit.
    ///
    /// To be called before any other thread runs: the environment is no place for more than one.
    package static func neverForThisMachine() {
        let environment = ProcessInfo.processInfo.environment
        // libcurl reads the one in capitals only where the other is not set; Python reads either.
        let list = exceptions(environment["no_proxy"] ?? environment["NO_PROXY"] ?? "")
        for name in ["no_proxy", "NO_PROXY"] { setenv(name, list, 1) }
    }

    static func exceptions(_ present: String) -> String {
        let hosts = present.split { $0 == "," || $0.isWhitespace }.map(String.init)
        // Means all hosts, and only when it stands alone.
        guard hosts != ["*"] else { return "*" }
        return (hosts + thisMachine.filter { !hosts.contains($0) }).joined(separator: ",")
    }
}
