# What evaluation can know to be wrong, each with the agent and the option that mends it. The rest is
# found when hive.json is built, by `hyperhive check`.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) concatMap elem filter mapAttrsToList;
  cfg = config.services.hyperhive;

  names = lib.attrNames cfg.agents;
  managers = filter (name: cfg.agents.${name}.role == "manager") names;
  reserved = [
    "all"
    "operator"
    "system"
  ];

  firstBase = 524288;
  lastBase = 1878982656;
  rangeSize = 65536;

  option = name: path: "services.hyperhive.agents.${name}.${path}";
  quoted = values: lib.concatMapStringsSep ", " (value: "`${value}'") values;

  # Assertions on one agent.
  ofAgent =
    name: agent:
    let
      recipients = names ++ [ "operator" ] ++ lib.optional (managers != [ ]) "manager";
      unknownRecipients = filter (to: !elem to recipients) agent.recipients;
      unknownPackages = filter (
        package: !lib.hasAttrByPath (lib.splitString "." package) pkgs
      ) agent.packages;
      inStore = lib.attrNames (
        lib.filterAttrs (_: file: lib.hasPrefix builtins.storeDir file) agent.credentials
      );
      fullRules = filter (rule: builtins.match "[[:space:]]*Bash[(].*" rule != null) (
        agent.bash.allow ++ agent.bash.deny
      );
    in
    [
      {
        assertion = builtins.match "[a-z]([a-z0-9-]{0,7}[a-z0-9])?" name != null;
        message = "services.hyperhive.agents: `${name}' is not a name for an agent; use at most 9 characters: a lower-case letter first, then letters, digits and hyphens, no hyphen last.";
      }
      {
        assertion = !elem name reserved;
        message = "services.hyperhive.agents: `${name}' is reserved; name the agent otherwise (not ${quoted reserved}).";
      }
      {
        assertion = name == "manager" -> agent.role == "manager";
        message = "services.hyperhive.agents: the name `manager' belongs to the agent whose role is manager; set ${option name "role"} = \"manager\", or name the agent otherwise.";
      }
      {
        assertion = unknownRecipients == [ ];
        message = "${option name "recipients"}: ${quoted unknownRecipients} not in the hive; use the names of agents, `manager' where an agent has that role, or `operator'.";
      }
      {
        assertion = !(agent.mcp ? hyperhive);
        message = "${option name "mcp"}: `hyperhive' is the name of hyperhive's own server; give this one another name.";
      }
      {
        assertion = unknownPackages == [ ];
        message = "${option name "packages"}: ${quoted unknownPackages} not in nixpkgs; look the attribute name up with `nix search nixpkgs'.";
      }
      {
        assertion = inStore == [ ];
        message = "${option name "credentials"}: ${quoted inStore} in the Nix store, where everyone can read it; name a file outside of it, as a string.";
      }
      {
        assertion = fullRules == [ ];
        message = "${option name "bash"}: ${quoted fullRules} written as a full rule; write only what stands inside the parentheses.";
      }
      {
        assertion =
          agent.uidBase == null
          || (
            firstBase <= agent.uidBase && agent.uidBase <= lastBase && lib.mod agent.uidBase rangeSize == 0
          );
        message = "${option name "uidBase"}: ${toString agent.uidBase} is no base of a range; use a multiple of ${toString rangeSize} from ${toString firstBase} to ${toString lastBase}.";
      }
    ];

  # Agents that were given one and the same uid range.
  sharedBases = filter (sharing: lib.length sharing > 1) (
    lib.attrValues (
      lib.groupBy (name: toString cfg.agents.${name}.uidBase) (
        filter (name: cfg.agents.${name}.uidBase != null) names
      )
    )
  );
in
{
  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = names != [ ];
        message = "services.hyperhive.agents: the hive has no agent; declare at least one.";
      }
      {
        assertion = lib.length managers <= 1;
        message = "services.hyperhive.agents: ${quoted managers} have role = \"manager\"; leave it to one of them.";
      }
      {
        assertion = sharedBases == [ ];
        message = "services.hyperhive.agents: ${lib.concatMapStringsSep "; " quoted sharedBases} have one uidBase; give each another, or leave uidBase out.";
      }
    ]
    ++ concatMap lib.id (mapAttrsToList ofAgent cfg.agents);

    warnings = map (
      name:
      "${option name "network"} = \"host\": the agent reaches everything that listens on this host, without isolation."
    ) (filter (name: cfg.agents.${name}.network == "host") names);
  };
}
