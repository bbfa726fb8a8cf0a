# The formula of a release: `deploy/release/formula.sh` writes the words in capitals.
class Svm < Formula
  desc "Caching service for GitHub release metadata"
  homepage "https://github.com/REPOSITORY"
  version "VERSION"
  license "MIT"

  on_macos do
    url "https://github.com/REPOSITORY/releases/download/vVERSION/svm-VERSION-source.tar.gz"
    sha256 "SUM_OF_SOURCE"
    depends_on "rust" => :build
  end

  on_linux do
    on_intel do
      url "https://github.com/REPOSITORY/releases/download/vVERSION/svm-VERSION-x86_64-unknown-linux-musl.tar.gz"
      sha256 "SUM_OF_X86_64"
    end
    on_arm do
      url "https://github.com/REPOSITORY/releases/download/vVERSION/svm-VERSION-aarch64-unknown-linux-musl.tar.gz"
      sha256 "SUM_OF_AARCH64"
    end
  end

  # `svm` of svm-rs, the version manager of Solidity's compiler, has the same name.
  conflicts_with "svm-rs", because: "both install `svm`"

  def install
    if OS.mac?
      system "cargo", "install", *std_cargo_args
      man8.install "deploy/man/svm.8"
      bash_completion.install "deploy/completions/svm.bash" => "svm"
      zsh_completion.install "deploy/completions/_svm"
      fish_completion.install "deploy/completions/svm.fish"
    else
      bin.install "svm"
      man8.install "svm.8"
      bash_completion.install "completions/svm.bash" => "svm"
      zsh_completion.install "completions/_svm"
      fish_completion.install "completions/svm.fish"
    end
  end

  service do
    run [opt_bin/"svm"]
    keep_alive successful_exit: false
    working_dir var/"svm"
    environment_variables CACHE_DIR: var/"svm"
    log_path var/"log/svm.log"
  end

  def post_install
    (var/"svm").mkpath
  end

  def caveats
    <<~TEXT
      The service reads #{var}/svm/.env: GITHUB_PATS and API_USAGE_THRESHOLD are required.
    TEXT
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/svm --version")
    assert_match "GITHUB_PATS", shell_output("#{bin}/svm check 2>&1", 78)
  end
end
