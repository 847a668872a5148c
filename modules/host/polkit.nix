# What the broker may ask of systemd: to start, stop and restart the agents' containers, and to start
# the deployment of an agent, or of an approval by its id. For every other unit and verb the rule says
# nothing, and polkit's own answer to a service is no.
{ config, lib, ... }:
let
  cfg = config.services.hyperhive;
in
{
  config = lib.mkIf cfg.enable {
    security.polkit.enable = true;
    security.polkit.extraConfig = ''
      polkit.addRule(function(action, subject) {
        if (action.id == "org.freedesktop.systemd1.manage-units" &&
            subject.user == "hyperhive" &&
            /^(start|stop|restart)$/.test(action.lookup("verb")) &&
            (/^(container@h-|hyperhive-deploy@)[a-z][a-z0-9-]*\.service$/.test(action.lookup("unit")) ||
             /^hyperhive-deploy@[1-9][0-9]{0,17}\.service$/.test(action.lookup("unit")))) {
          return polkit.Result.YES;
        }
      });
    '';
  };
}
