# Declaring options, and the properties (`mkIf`, `mkDefault`, …) that a definition may carry.
{ lib }:
let
  inherit (lib)
    concatMap
    filter
    foldl'
    isAttrs
    mapAttrs
    ;
  hasType = type: value: isAttrs value && (value._type or null) == type;
in
rec {
  isOption = hasType "option";
  mkOption = attributes: attributes // { _type = "option"; };
  mkEnableOption =
    what:
    mkOption {
      type = lib.types.bool;
      default = false;
      example = true;
      description = "Whether to enable ${what}.";
    };
  mkIf = condition: content: {
    _type = "if";
    inherit condition content;
  };
  mkMerge = contents: {
    _type = "merge";
    inherit contents;
  };
  mkOverride = priority: content: {
    _type = "override";
    inherit priority content;
  };
  mkOrder = order: content: {
    _type = "order";
    inherit order content;
  };
  mkForce = mkOverride 50;
  mkDefault = mkOverride 1000;
  mkOptionDefault = mkOverride 1500;
  mkBefore = mkOrder 500;
  mkAfter = mkOrder 1500;

  # A definition as a list of plain values, each with its priority and order; empty where `mkIf` says no.
  discharge =
    definition:
    if hasType "if" definition then
      if definition.condition then discharge definition.content else [ ]
    else if hasType "merge" definition then
      concatMap discharge definition.contents
    else if hasType "override" definition then
      map (found: found // { inherit (definition) priority; }) (discharge definition.content)
    else if hasType "order" definition then
      map (found: found // { inherit (definition) order; }) (discharge definition.content)
    else
      [
        {
          priority = 100;
          order = 1000;
          value = definition;
        }
      ];

  # The values of the strongest priority, in their order.
  strongest =
    discharged:
    let
      lowest = foldl' (least: d: if d.priority < least then d.priority else least) 9999 discharged;
      kept = filter (d: d.priority == lowest) discharged;
    in
    map (d: d.value) (builtins.sort (a: b: a.order < b.order) kept);

  # A set of definitions as a list of sets, the properties moved onto the members, so that the names
  # are known without evaluating any condition.
  pushDown =
    definition:
    if hasType "if" definition then
      map (mapAttrs (_: mkIf definition.condition)) (pushDown definition.content)
    else if hasType "merge" definition then
      concatMap pushDown definition.contents
    else if hasType "override" definition then
      map (mapAttrs (_: mkOverride definition.priority)) (pushDown definition.content)
    else if hasType "order" definition then
      map (mapAttrs (_: mkOrder definition.order)) (pushDown definition.content)
    else
      [ definition ];

  # The value of one option from its definitions.
  mergeDefinitions =
    path: option: definitions:
    let
      discharged = concatMap discharge definitions;
      default = lib.optionals (option ? default) (discharge (mkOptionDefault option.default));
      values = strongest (discharged ++ default);
      wrong = filter (value: !option.type.check value) values;
      merged =
        if option.readOnly or false && builtins.length discharged > 1 then
          throw "The option `${lib.showOption path}' is read-only, but it's set multiple times."
        else if values == [ ] then
          option.type.emptyValue
            or (throw "The option `${lib.showOption path}' was accessed but has no value defined. Try setting the option.")
        else if wrong != [ ] then
          throw "A definition for option `${lib.showOption path}' is not of type `${option.type.description}'. Its type is ${builtins.typeOf (builtins.head wrong)}."
        else
          option.type.merge path values;
    in
    (option.apply or lib.id) merged;

  # Every option of a tree, with those of its submodules, as nixpkgs' documentation builder wants it.
  optionAttrSetToDocList =
    let
      describe =
        path: option:
        [
          ({
            loc = path;
            name = lib.showOption path;
            description = option.description or null;
            internal = option.internal or false;
            visible = option.visible or true;
            readOnly = option.readOnly or false;
            type = option.type.description;
          }
          // lib.optionalAttrs (option ? default || option ? defaultText) {
            default = option.defaultText or option.default;
          }
          // lib.optionalAttrs (option ? example) { inherit (option) example; })
        ]
        ++ (
          let
            nested = option.type.nested path;
          in
          walk nested.path nested.options
        );
      walk =
        path: tree:
        concatMap (
          name:
          let
            here = path ++ [ name ];
          in
          if isOption tree.${name} then describe here tree.${name} else walk here tree.${name}
        ) (builtins.attrNames (removeAttrs tree [ "_module" ]));
    in
    walk [ ];
}
