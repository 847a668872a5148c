# An MCP server of one agent.
{ lib, ... }:
let
  inherit (lib) mkOption types;
in
{
  options = {
    command = mkOption {
      type = types.singleLineStr;
      example = "github-mcp-server";
      description = "The program: a name found through `packages`, or an absolute path.";
    };
    args = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [
        "stdio"
        "--read-only"
      ];
      description = "Its arguments.";
    };
    environment = mkOption {
      type = types.attrsOf types.str;
      default = { };
      example.GITHUB_HOST = "https://git.example.org";
      description = "Variables of this program alone. Secrets go to the agent's `credentials`.";
    };
    tools = mkOption {
      type = types.listOf types.str;
      default = [ "*" ];
      example = [
        "get_issue"
        "list_issues"
      ];
      description = "Its tools that the agent may call; `*` stands for all of them.";
    };
  };
}
